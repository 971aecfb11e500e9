/** sirv as in production: it lists the folder once, at the start. */
import { createServer } from "node:http";
import sirv from "sirv";
import { hostname, port, root } from "./served.ts";

createServer(sirv(root, { dev: false, etag: true })).listen(port, hostname);
