/** send, which Express serves files with. */
import { createServer } from "node:http";
import send from "send";
import { hostname, port, root } from "./served.ts";

createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  send(request, pathname, { root }).pipe(response);
}).listen(port, hostname);
