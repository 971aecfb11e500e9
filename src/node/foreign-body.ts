import { Body } from "../core/body.ts";
import { describe } from "../core/describe.ts";
import { discardSource, openSource } from "../core/source.ts";
import { SluiceTypeError } from "../errors.ts";
import { captureOrigin, resolveResponseOptions } from "../http/response-options.ts";

/** A body that is not ours: any `ReadableStream` of bytes, sent by the same rules. */
export function foreignBody(stream: ReadableStream, contentLength: number | undefined): Body {
  const { commitAfterMs, stallTimeoutMs, leakReportMs } = resolveResponseOptions({});
  return new Body({
    open: () =>
      openSource(stream as ReadableStream<unknown>, encode, { origin: captureOrigin(foreignBody), leakReportMs }),
    discard: () => discardSource(stream),
    contentLength,
    commitAfterMs,
    stallTimeoutMs,
  });
}

function encode(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new SluiceTypeError("ERR_ITEM_TYPE", `A Response's body gives Uint8Arrays; got ${describe(value)}`);
}
