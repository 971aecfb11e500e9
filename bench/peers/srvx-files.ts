/** srvx: its `staticMiddleware`. */
import { serve } from "srvx";
import { staticMiddleware } from "srvx/static";
import { hostname, port, root } from "./served.ts";

serve({
  middleware: [staticMiddleware({ dir: root })],
  fetch: () => new Response("Not Found", { status: 404 }),
  port,
  hostname,
  silent: true,
});
