import {
  type LazySource,
  type ValueSource,
  discardSource,
  isValueSource,
  openLazySource,
  sourceTypeError,
} from "../core/source.ts";
import { bodyStream } from "../core/web-stream.ts";
import { withCharset } from "../http/headers.ts";
import {
  type ResponseOptions,
  announcedLength,
  captureOrigin,
  optionError,
  resolveFields,
  resolveResponseOptions,
} from "../http/response-options.ts";
import { itemEncoder } from "./items.ts";
import { Lines } from "./lines.ts";

/** What may be streamed: text, bytes, and with a JSON Lines `mediaType` any value that JSON has a form for. */
export type StreamingSource = LazySource<unknown>;

export interface StreamingInit extends ResponseOptions {
  /**
   * `Content-Type`; text gets `charset=utf-8`.
   * @defaultValue "application/octet-stream"
   */
  mediaType?: string;
  /** The length of the body in bytes, if it is known. It is kept exactly: more or fewer bytes break the connection. */
  contentLength?: number;
  /** Fields sent behind the body (on HTTP/1.1 and HTTP/2), evaluated at its end. Not together with `contentLength`. */
  trailers?: () => Record<string, string>;
  /** Sends `Repr-Digest` (RFC 9530, SHA-256 of the bytes as coded) in the trailer. Not together with `contentLength`. */
  digest?: boolean;
}

/**
 * A response whose body is made while it is sent. Nothing runs before the body is read; then items are pulled as the reader
 * makes room for them, gathered, and written.
 *
 * - A source that throws before its first item is answered with the status of its {@link HttpError}, or 500. After that the
 *   connection is broken visibly: a body that failed never looks complete.
 * - When the reader leaves, the source's `signal` is aborted and its `return()` called.
 * - Bytes that were yielded belong to Sluice: they must not be written to afterwards.
 * - An array, like any iterable, is a source of items; a lone string or buffer is not: use `new Response` for it.
 *
 * @param source - a sync or async iterable, a `ReadableStream`, a Node `Readable`, a `Blob`, or a function that returns one
 * @throws SluiceTypeError `ERR_SOURCE_TYPE`, `ERR_INVALID_OPTION`. The source's own errors, and `ERR_ITEM_TYPE`,
 *   `ERR_CONTENT_LENGTH_EXCEEDED` and `ERR_CONTENT_LENGTH_NOT_REACHED`, end the body and reach `onFinish`.
 */
export function streamingResponse(source: StreamingSource, init: StreamingInit = {}): Response {
  if (typeof source !== "function" && !isValueSource(source)) throw sourceTypeError(source);
  const { status, commitAfterMs, stallTimeoutMs, compress, onFinish, leakReportMs } = resolveResponseOptions(init);
  const { mediaType = "application/octet-stream", trailers, digest } = init;
  const fields: Record<string, string> = { "Content-Type": withCharset(mediaType) };
  if (init.contentLength !== undefined) fields["Content-Length"] = String(init.contentLength);
  const headers = resolveFields(init, fields);
  const contentLength = announcedLength(headers);
  if (contentLength !== undefined && (trailers || digest)) {
    const wanted = "not given together with trailers or digest, which need a body in chunks";
    throw optionError("contentLength", wanted, contentLength);
  }
  const encode = itemEncoder(mediaType);
  const origin = captureOrigin(streamingResponse);
  const stream = bodyStream({
    open: (context) =>
      source instanceof Lines
        ? source.openBytes()
        : openLazySource(source as LazySource<unknown>, context, encode, { origin, leakReportMs }),
    discard: () => discardSource(source as ValueSource<unknown>),
    contentLength,
    commitAfterMs,
    stallTimeoutMs,
    compress,
    trailers,
    digest,
    onFinish,
  });
  return new Response(stream, { status, headers });
}
