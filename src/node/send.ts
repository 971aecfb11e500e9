import { type Body, type OutcomeKind, bodyOf } from "../core/body.ts";
import { report } from "../core/report.ts";
import { essence, isCompressible } from "../http/headers.ts";
import { type ContentCoding, negotiateCoding } from "../http/negotiation.ts";
import { errorResponse } from "../http/problem.ts";
import { foreignBody } from "./foreign-body.ts";
import { type Head, writeHead } from "./head.ts";
import type { NodeRequest, NodeResponse } from "./http-types.ts";
import { Transmission } from "./transmission.ts";

/** How one answer ended, for logs and metrics. */
export interface SendResult {
  readonly method: string;
  /** The request's target as it came. */
  readonly target: string;
  readonly status: number;
  readonly outcome: OutcomeKind;
  /** Bytes of the body as sent. */
  readonly bytes: number;
  readonly durationMs: number;
  /** What was thrown, where `outcome` is `failed`. */
  readonly error: unknown;
}

export interface SendOptions {
  /**
   * Whether bodies that say nothing of it are compressed, where their type is worth it.
   * @defaultValue false
   */
  compress?: boolean;
  /** Told once for every answer. */
  onResult?: (result: SendResult) => void;
  /** Told when the body's transmission begins; it ends by itself. */
  onTransmission?: (transmission: Transmission) => void;
}

/**
 * Sends a `Response`, ours or anybody's, by the rules of this library. Resolves when it has ended, in whatever way: a
 * failure is an outcome, not an exception. Holds no memory of its own beside the body's.
 *
 * @returns how it ended
 */
export function sendResponse(
  req: NodeRequest,
  res: NodeResponse,
  response: Response,
  options: SendOptions = {},
): Promise<SendResult> {
  return new Promise((resolve) => startSending(req, res, response, { ...options, onResult: also(options.onResult, resolve) }));
}

/** As {@link sendResponse}, without a promise that ten thousand idle readers would have to keep. */
export function startSending(req: NodeRequest, res: NodeResponse, response: Response, options: SendOptions): void {
  const { method = "GET", url = "" } = req;
  const startedAt = performance.now();
  const onEnd = (outcome: OutcomeKind, status: number, bytes: number, error: unknown): void => {
    options.onResult?.({ method, target: url, status, outcome, bytes, durationMs: performance.now() - startedAt, error });
  };
  // Writing to a connection that is gone is no error of anybody's: its `close` is what counts.
  res.on("error", () => {});
  const stream = response.body;
  const head: Head = { status: response.status, statusText: response.statusText, headers: new Headers(response.headers) };
  if (stream === null || method === "HEAD" || !mayHaveBody(head.status)) {
    if (stream) discard(stream);
    return sendHeadOnly(res, head, method === "HEAD", onEnd);
  }
  let body: Body | undefined = bodyOf(stream);
  if (!body) {
    if (response.bodyUsed || stream.locked) {
      const error = new TypeError("The body of this Response was already read; make a new one for each request");
      report({ code: "HANDLER_FAILED", message: error.message, error });
      return startSending(req, res, errorResponse(error), options);
    }
    body = foreignBody(stream, contentLengthOf(head.headers));
  }
  if (isGone(res)) {
    body.discard();
    return onEnd("aborted", head.status, 0, undefined);
  }
  let transmission;
  try {
    transmission = new Transmission(res, head, body, { coding: codingFor(req, head, body, options), onEnd });
  } catch (error) {
    // The source's function threw at once: nothing was sent, so it is answered as if it had thrown in the handler.
    body.abort(error);
    body.finish("failed", 0, error);
    const answer = errorResponse(error);
    if (answer.status === 500) report({ code: "SOURCE_FAILED", message: "The source of a response failed", error });
    return startSending(req, res, answer, options);
  }
  options.onTransmission?.(transmission);
  transmission.start();
}

function sendHeadOnly(
  res: NodeResponse,
  head: Head,
  isHead: boolean,
  onEnd: (outcome: OutcomeKind, status: number, bytes: number, error: unknown) => void,
): void {
  if (!isHead && mayHaveBody(head.status)) head.headers.set("Content-Length", "0");
  let ended = false;
  const end = (outcome: OutcomeKind): void => {
    if (ended) return;
    ended = true;
    onEnd(outcome, head.status, 0, undefined);
  };
  res.once("finish", () => end("completed"));
  res.once("close", () => end("aborted"));
  writeHead(res, head);
  res.end();
}

function discard(stream: ReadableStream): void {
  const body = bodyOf(stream);
  if (body) body.discard();
  else if (!stream.locked) stream.cancel().catch(() => {});
}

/** RFC 9110 §15.3.5, §15.3.6, §15.4.5: these never have one. */
function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

function contentLengthOf(headers: Headers): number | undefined {
  const field = headers.get("Content-Length");
  return field !== null && /^\d+$/u.test(field) ? Number(field) : undefined;
}

function codingFor(req: NodeRequest, head: Head, body: Body, options: SendOptions): ContentCoding | undefined {
  const { status, headers } = head;
  const type = headers.get("Content-Type");
  const isEventStream = type !== null && essence(type) === "text/event-stream";
  const wanted = body.options.compress ?? (options.compress === true && !isEventStream && isCompressible(type));
  // A part of a representation is a part of its bytes as they are; what is coded already is not coded again.
  if (!wanted || status === 206 || headers.has("Content-Range") || headers.has("Content-Encoding")) return undefined;
  const transformable = body.options.compress === true || !/\bno-transform\b/iu.test(headers.get("Cache-Control") ?? "");
  if (!transformable) return undefined;
  const accepted = req.headers["accept-encoding"];
  return negotiateCoding(typeof accepted === "string" ? accepted : null);
}

function isGone(res: NodeResponse): boolean {
  return res.destroyed || ("closed" in res && res.closed);
}

function also<T>(first: ((value: T) => void) | undefined, second: (value: T) => void): (value: T) => void {
  return (value) => {
    first?.(value);
    second(value);
  };
}
