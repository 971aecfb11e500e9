import { Hono } from "hono";
import { parseRequestPath } from "../http/request-path.ts";
import { requestTargetOf } from "../http/request-target.ts";
import { type Streams, problemResponse, streamingResponse } from "../index.ts";
import { exportNameOf } from "./exports/export-name.ts";
import { otherMethod } from "./exports/methods.ts";
import type { Metrics } from "./metrics.ts";

/** Where the files of `--files` are. */
export const FILES_PREFIX = "/files";

export interface AppParts {
  demo?: Hono | undefined;
  files?: ((request: Request) => Promise<Response>) | undefined;
  /** `/tables`, `/export/…` and `/query`. */
  exports?: Hono | undefined;
  /** `/v1/stream/…`. */
  streams?: Streams | undefined;
  metrics?: Metrics | undefined;
}

/** Where the streams of `--log` are: the protocol's suite and its clients' examples have it so. */
export const STREAMS_PREFIX = "/v1/stream";

const READING = ["GET", "HEAD"];

/** The server's routes, and those of what it was given to serve. */
export function createApp({ demo, files, exports, streams, metrics }: AppParts): Hono {
  const app = new Hono();
  // Routes are matched on a path that was repaired. Whoever guards one and whoever opens it must mean the same.
  app.use(async (c, next) => {
    const target = requestTargetOf(c.req.raw);
    // The name of a table, or of a stream, is no path, and may hold whatever a path may not.
    if (exportNameOf(target) === undefined && !isStream(target)) parseRequestPath(target);
    await next();
  });
  app.get("/healthz", () =>
    streamingResponse(["ok\n"], { mediaType: "text/plain", headers: { "Cache-Control": "no-store" } }),
  );
  app.all("/healthz", (c) => otherMethod(c.req.raw, READING));
  if (metrics) {
    app.get("/metrics", () => metrics.response());
    app.all("/metrics", (c) => otherMethod(c.req.raw, READING));
  }
  if (exports) app.route("/", exports);
  if (streams) {
    app.all(`${STREAMS_PREFIX}/*`, (c) => streams.fetch(c.req.raw));
    app.all(STREAMS_PREFIX, (c) => streams.fetch(c.req.raw));
  }
  if (files) app.all(`${FILES_PREFIX}/*`, (c) => files(c.req.raw));
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

function isStream(target: string): boolean {
  return target.startsWith(`${STREAMS_PREFIX}/`);
}
