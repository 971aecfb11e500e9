import type { IncomingMessage, ServerResponse } from "node:http";
import { type Gzip, constants, createGzip } from "node:zlib";

type Listener = (...parameters: unknown[]) => void;
type Patched = ServerResponse & { flush?: () => void };

/**
 * A middleware of the shape of Express's `compression`: it puts itself in `write`, `end`, `on` and `writeHead`, and decides
 * when the head is written whether the body goes through gzip, from which it comes when it pleases, or on `flush()`.
 */
export function compressionLike(req: IncomingMessage, response: ServerResponse, next: () => void): void {
  const res = response as Patched;
  const { write, end, on, writeHead } = res;
  const waiting: Listener[] = [];
  let gzip: Gzip | undefined;

  res.writeHead = function patchedWriteHead(this: Patched, status: number, ...rest: unknown[]) {
    const fields = rest.at(-1) as Record<string, string | string[]> | undefined;
    for (const [name, value] of Object.entries(typeof fields === "object" ? fields : {})) res.setHeader(name, value);
    res.statusCode = status;
    if (
      String(req.headers["accept-encoding"]).includes("gzip") &&
      req.method !== "HEAD" &&
      !res.hasHeader("Content-Encoding")
    ) {
      gzip = createGzip();
      for (const listener of waiting) gzip.on("drain", listener);
      res.setHeader("Content-Encoding", "gzip");
      res.removeHeader("Content-Length");
      gzip.on("data", (chunk: Buffer) => {
        if (!(write as (chunk: Buffer) => boolean).call(res, chunk)) gzip?.pause();
      });
      gzip.on("end", () => (end as () => void).call(res));
      on.call(res, "drain", () => gzip?.resume());
      // The real one frees its encoder when the response closes.
      on.call(res, "close", () => gzip?.destroy());
    }
    return writeHead.call(res, status);
  };

  res.write = function patchedWrite(this: Patched, chunk: Buffer, ...rest: unknown[]) {
    if (!res.headersSent) res.writeHead(res.statusCode);
    if (gzip) return gzip.write(chunk);
    return (write as (...parameters: unknown[]) => boolean).call(res, chunk, ...rest);
  } as typeof res.write;

  res.end = function patchedEnd(this: Patched, ...parameters: unknown[]) {
    if (!res.headersSent) res.writeHead(res.statusCode);
    if (!gzip) return (end as (...parameters: unknown[]) => Patched).call(res, ...parameters);
    const [chunk] = parameters;
    if (typeof chunk === "string" || chunk instanceof Uint8Array) gzip.end(chunk);
    else gzip.end();
    return res;
  } as typeof res.end;

  res.on = function patchedOn(this: Patched, event: string, listener: Listener) {
    if (event !== "drain") return on.call(res, event, listener);
    if (gzip) gzip.on("drain", listener);
    else {
      waiting.push(listener);
      // Where nothing is compressed the listener belongs to the response.
      on.call(res, "drain", (...parameters: unknown[]) => gzip === undefined && listener(...parameters));
    }
    return res;
  } as typeof res.on;

  res.flush = () => gzip?.flush(constants.Z_SYNC_FLUSH);
  next();
}
