import type { FileHandle } from "node:fs/promises";
import { Body, type OnFinish } from "../../core/body.ts";
import { bodyStream } from "../../core/web-stream.ts";
import { HttpError } from "../../errors.ts";
import { formatReprDigest } from "../../http/digest.ts";
import { problemResponse } from "../../http/problem.ts";
import { answerGrowing } from "../answer-growing.ts";
import { answerRequest } from "../answer.ts";
import { GrowingBlocks } from "../growing-blocks.ts";
import { PartBlocks } from "../part-blocks.ts";
import type { SpoolFile } from "./spool-file.ts";
import type { SpooledBody } from "./spooled-body.ts";

export interface SpooledAnswerOptions {
  readonly stallTimeoutMs: number;
  /** How long the head waits for the first byte of what is being made, in ms. */
  readonly commitAfterMs: number;
  readonly onFinish?: OnFinish | undefined;
  /** What the trailer of a body says that is being made, and the head of one that is finished. */
  readonly fields?: (() => Record<string, string>) | undefined;
}

/** Fields of every answer with bytes: nobody recodes them on their way, and nginx stores none of them for a reader who sleeps. */
const FIELDS = {
  "Cache-Control": "private, no-transform",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Answers a GET or HEAD for a spooled body: while it is made, with what there is and what still comes (see `answerGrowing`);
 * when it is finished, as a file. Its entity tag is the same before and after. One that has failed is answered with the failure's
 * status; a body that fails while it is sent breaks the connection.
 */
export async function answerSpooled(
  request: Request,
  body: SpooledBody,
  options: SpooledAnswerOptions,
): Promise<Response> {
  const { growing, record } = body;
  const headers = new Headers({ ...FIELDS, ...record.headers });
  const etag = `"${record.id}"`;
  if (growing) return answerWriting(request, body, growing, { headers, etag }, options);
  if (record.state === "failed") return answerFailed(body);
  return answerFinished(request, body, { headers, etag }, options);
}

interface Described {
  readonly headers: Headers;
  readonly etag: string;
}

async function answerWriting(
  request: Request,
  body: SpooledBody,
  growing: SpoolFile,
  { headers, etag }: Described,
  options: SpooledAnswerOptions,
): Promise<Response> {
  const { stallTimeoutMs, commitAfterMs, onFinish, fields } = options;
  growing.retain();
  let isLent = false;
  try {
    const answer = await answerGrowing(request, growing, { etag }, headers, commitAfterMs);
    if ("response" in answer) return answer.response;
    if ("ended" in answer) {
      await body.ended;
      return await answerSpooled(request, body, options);
    }
    const { status } = answer;
    if (request.method === "HEAD") return answerHead(status, headers, options);
    isLent = true;
    // At the end it is known, also of the bytes that are not in this part (RFC 9530 §3).
    const trailers = (): Record<string, string> => ({ ...fields?.(), "Repr-Digest": digestOf(body) });
    if (!("range" in answer)) headers.set("Trailer", [...Object.keys(fields?.() ?? {}), "Repr-Digest"].join(", "));
    const release = (): void => growing.release();
    const stream = bodyStream({
      open: () =>
        "range" in answer
          ? new PartBlocks([answer.range], readGrowing(growing), release)
          : new GrowingBlocks(growing, answer.first, release),
      discard: release,
      contentLength: "range" in answer ? answer.range.last - answer.range.first + 1 : undefined,
      commitAfterMs,
      stallTimeoutMs,
      // The tag is that of the bytes as they are.
      compress: false,
      trailers: "range" in answer ? undefined : trailers,
      noDelay: true,
      onFinish,
    });
    return new Response(stream, { status, headers });
  } finally {
    if (!isLent) growing.release();
  }
}

function readGrowing(growing: SpoolFile): (buffer: Uint8Array, length: number, position: number) => Promise<number> {
  return (buffer, length, position) => growing.read(buffer.subarray(0, length), position);
}

async function answerFinished(
  request: Request,
  body: SpooledBody,
  { headers, etag }: Described,
  options: SpooledAnswerOptions,
): Promise<Response> {
  const { byteLength = 0 } = body.record;
  headers.set("Repr-Digest", digestOf(body));
  for (const [name, value] of Object.entries(options.fields?.() ?? {})) headers.set(name, value);
  const answer = answerRequest(request, { etag, completeLength: byteLength }, headers);
  if ("response" in answer) return answer.response;
  const { status, parts, contentLength } = answer;
  if (request.method === "HEAD") return answerHead(status, headers, options);
  let file: FileHandle;
  try {
    file = await body.openFinished();
  } catch {
    body.assertThere();
    throw new HttpError(503, "It cannot be read now");
  }
  const close = (): void => body.closed(file);
  const stream = bodyStream({
    open: () => new PartBlocks(parts, readFinished(body, file), close),
    discard: close,
    contentLength,
    stallTimeoutMs: options.stallTimeoutMs,
    compress: false,
    onFinish: options.onFinish,
  });
  return new Response(stream, { status, headers });
}

function digestOf({ record: { sha256 = "" } }: SpooledBody): string {
  return formatReprDigest(Buffer.from(sha256, "hex"));
}

function readFinished(
  body: SpooledBody,
  file: FileHandle,
): (buffer: Uint8Array, length: number, position: number) => Promise<number> {
  return async (buffer, length, position) => {
    body.assertThere();
    const { bytesRead } = await file.read(buffer, 0, length, position);
    if (bytesRead === 0) throw new Error(`The spooled file was cut at ${position}`);
    return bytesRead;
  };
}

function answerHead(status: number, headers: Headers, { stallTimeoutMs, onFinish }: SpooledAnswerOptions): Response {
  new Body({ open: () => ({ pull: () => undefined, cancel() {} }), stallTimeoutMs, onFinish }).discard();
  return new Response(null, { status, headers });
}

function answerFailed({ record: { failure } }: SpooledBody): Response {
  return problemResponse(failure?.status ?? 500, failure?.message, { "Cache-Control": "no-store" });
}
