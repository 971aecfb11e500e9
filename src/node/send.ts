import { type Body, type OutcomeKind, bodyOf } from "../core/body.ts";
import { report } from "../core/report.ts";
import { essence, isCompressible, varyWith } from "../http/headers.ts";
import { type ContentCoding, negotiateCoding } from "../http/negotiation.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import { isClosed, offClose, onClose } from "./closing.ts";
import { foreignBody } from "./foreign-body.ts";
import { type Head, fieldOf, headOf, writeHead } from "./head.ts";
import type { NodeRequest, NodeResponse } from "./http-types.ts";
import { type OnResult, type SendResult, Transmission } from "./transmission.ts";

export interface SendOptions {
  /**
   * Whether bodies that say nothing of it are compressed, where their type is worth it.
   * @defaultValue false
   */
  compress?: boolean;
  /** Told once for every answer. */
  onResult?: OnResult | undefined;
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
  return new Promise((resolve) =>
    startSending(req, res, response, { ...options, onResult: also(options.onResult, resolve) }),
  );
}

/** As {@link sendResponse}, without a promise that ten thousand idle readers would have to keep. */
export function startSending(req: NodeRequest, res: NodeResponse, response: Response, options: SendOptions): void {
  // Writing to a connection that is gone is no error of anybody's: its `close` is what counts.
  res.on("error", ignore);
  const stream = response.body;
  let head: Head;
  try {
    head = headOf(response);
  } catch (error) {
    if (stream) discard(stream);
    report({ code: "HANDLER_FAILED", message: "A handler returned a Response that cannot be sent", error });
    return startSending(req, res, problemResponse(500), options);
  }
  if (isClosed(res)) {
    if (stream) discard(stream);
    return options.onResult?.(emptyResult(req, head, "aborted"));
  }
  if (res.headersSent) return refuse(req, res, head, stream, options.onResult);
  if ("content-length" in head.fields && contentLengthOf(head) === undefined) delete head.fields["content-length"];
  if (stream === null || req.method === "HEAD" || !mayHaveBody(head.status)) {
    if (stream) discard(stream);
    return sendHeadOnly(req, res, head, options.onResult);
  }
  let body: Body | undefined = bodyOf(stream);
  if (!body) {
    if (response.bodyUsed || stream.locked) {
      const error = new TypeError("The body of this Response was already read; make a new one for each request");
      report({ code: "HANDLER_FAILED", message: error.message, error });
      return startSending(req, res, errorResponse(error), options);
    }
    body = foreignBody(stream, contentLengthOf(head));
  }
  let transmission;
  try {
    transmission = new Transmission(res, head, body, codingFor(req, head, body, options), options.onResult);
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

function ignore(): void {}

/** Somebody has begun an answer of his own: two cannot be sent, and one that nobody ends would hang. */
function refuse(
  req: NodeRequest,
  res: NodeResponse,
  head: Head,
  stream: ReadableStream | null,
  onResult: OnResult | undefined,
): void {
  const error = new Error(
    "The answer to this request was already begun; a Response is sent before anything is written",
  );
  report({ code: "HANDLER_FAILED", message: error.message, error });
  if (stream) discard(stream);
  if (!res.writableEnded) res.destroy();
  onResult?.({ ...emptyResult(req, head, "failed"), error });
}

function sendHeadOnly(req: NodeRequest, res: NodeResponse, head: Head, onResult: OnResult | undefined): void {
  // There is nothing that they could stand behind.
  delete head.fields["trailer"];
  // RFC 9110 §8.6: none in a 204; to HEAD and in a 304 it is the length of what is not sent.
  if (head.status === 204) delete head.fields["content-length"];
  else if (req.method !== "HEAD" && head.status !== 304) head.fields["content-length"] = "0";
  let ended = false;
  const end = (outcome: OutcomeKind): void => {
    if (ended) return;
    ended = true;
    offClose(res, onAbort);
    onResult?.(emptyResult(req, head, outcome));
  };
  const onAbort = (): void => end("aborted");
  res.once("finish", () => end("completed"));
  onClose(res, onAbort);
  writeHead(res, head);
  res.end();
}

function emptyResult(req: NodeRequest, { status }: Head, outcome: OutcomeKind): SendResult {
  const { method = "GET", url = "", headers } = req;
  const { range } = headers;
  return { request: req, method, target: url, range, status, outcome, bytes: 0, durationMs: 0, error: undefined };
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

function contentLengthOf(head: Head): number | undefined {
  const field = fieldOf(head, "content-length");
  return field !== undefined && /^\d+$/u.test(field) ? Number(field) : undefined;
}

function codingFor(req: NodeRequest, head: Head, body: Body, options: SendOptions): ContentCoding | undefined {
  const { status, fields } = head;
  const type = fieldOf(head, "content-type");
  const isEventStream = type !== undefined && essence(type) === "text/event-stream";
  const wanted = body.options.compress ?? (options.compress === true && !isEventStream && isCompressible(type));
  // A part of a representation is a part of its bytes as they are; what is coded already is not coded again.
  if (!wanted || status === 206 || "content-range" in fields || "content-encoding" in fields) return undefined;
  const transformable =
    body.options.compress === true || !/\bno-transform\b/iu.test(fieldOf(head, "cache-control") ?? "");
  if (!transformable) return undefined;
  // RFC 9110 §12.5.5: also where this client gets the bytes as they are, for the caches between.
  fields["vary"] = varyWith(fieldOf(head, "vary"), "Accept-Encoding");
  const accepted = req.headers["accept-encoding"];
  return negotiateCoding(typeof accepted === "string" ? accepted : null);
}

function also<T>(first: ((value: T) => void) | undefined, second: (value: T) => void): (value: T) => void {
  return (value) => {
    first?.(value);
    second(value);
  };
}
