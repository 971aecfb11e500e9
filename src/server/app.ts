import { Hono } from "hono";
import { problemResponse, streamingResponse } from "../index.ts";

/** The server's routes. @param demo - the demo's, where they are wanted */
export function createApp(demo?: Hono): Hono {
  const app = new Hono();
  app.get("/healthz", () =>
    streamingResponse(["ok\n"], { mediaType: "text/plain", headers: { "Cache-Control": "no-store" } }),
  );
  if (demo) app.route("/", demo);
  app.notFound((c) =>
    problemResponse(404, `There is nothing at ${c.req.path}${demo ? "; / lists what there is" : ""}`),
  );
  // Whoever sends answers errors, too: an HttpError by its status, anything else without its message.
  app.onError((error) => {
    throw error;
  });
  return app;
}
