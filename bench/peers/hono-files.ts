/** Hono on `@hono/node-server`: its `serveStatic`. */
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { hostname, port, root } from "./served.ts";

const app = new Hono();

app.use("/*", serveStatic({ root }));

serve({ fetch: app.fetch, port, hostname });
