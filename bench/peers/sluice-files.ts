/** Sluice, as its README shows it. */
import { directory } from "sluice";
import { serve } from "sluice/node";
import { hostname, port, root } from "./served.ts";

// The reader of small files sends all its requests on one connection.
await serve(directory(root), { port, hostname, limits: { maxRequestsPerSocket: 0 } });
