import { Body, type OnFinish } from "../../core/body.ts";
import { bodyStream } from "../../core/web-stream.ts";
import { HttpError } from "../../errors.ts";
import { formatReprDigest, setDigest } from "../../http/digest.ts";
import { varyWith } from "../../http/headers.ts";
import { problemResponse } from "../../http/problem.ts";
import { answerGrowing } from "../answer-growing.ts";
import { answerRequest } from "../answer.ts";
import type { Growing } from "../growing.ts";
import { GrowingBlocks } from "../growing-blocks.ts";
import { PartBlocks, type ReadAt } from "../part-blocks.ts";
import { chooseCoding } from "./choose-coding.ts";
import type { FinishedFile } from "./finished-file.ts";
import type { SpoolFile } from "./spool-file.ts";
import type { SpooledBody } from "./spooled-body.ts";

export interface SpooledAnswerOptions {
  readonly stallTimeoutMs: number;
  /** How long the head waits for the first byte of what is being made, in ms. */
  readonly commitAfterMs: number;
  /** Whether it is sent in a content coding where the request has one; undefined: where its type is worth it. */
  readonly compress?: boolean | undefined;
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
 * when it is finished, as a file. Its entity tag is the same before and after; in a content coding it is another. One that has
 * failed is answered with the failure's status; a body that fails while it is sent breaks the connection.
 */
export async function answerSpooled(
  request: Request,
  body: SpooledBody,
  options: SpooledAnswerOptions,
): Promise<Response> {
  if (body.record.state === "failed") return answerFailed(body);
  const headers = new Headers({ ...FIELDS, ...body.record.headers });
  const { isNegotiated, coding } = chooseCoding(request, body, options.compress);
  if (isNegotiated) headers.set("Vary", varyWith(headers.get("Vary") ?? undefined, "Accept-Encoding"));
  // Nothing is made for who only asks; what is not there yet has no tag.
  if (coding && request.method === "HEAD" && !body.codings.has(coding)) {
    headers.set("Content-Encoding", coding);
    return answerHead(200, headers, options);
  }
  const coded = coding && (await body.coded(coding));
  if (coded) headers.set("Content-Encoding", coding);
  return answerChosen(request, { body, chosen: coded ?? body, headers }, options);
}

interface Chosen {
  readonly body: SpooledBody;
  /** The body itself, or the one of its codings that is sent. */
  readonly chosen: SpooledBody;
  readonly headers: Headers;
}

async function answerChosen(request: Request, sent: Chosen, options: SpooledAnswerOptions): Promise<Response> {
  const { growing, record } = sent.chosen;
  if (growing) return answerWriting(request, sent, growing, options);
  if (record.state === "finished") return answerFinished(request, sent, options);
  // It has failed meanwhile: the body, or only what was made of it.
  return answerSpooled(request, sent.body, options);
}

async function answerWriting(
  request: Request,
  { body, chosen, headers }: Chosen,
  growing: SpoolFile,
  options: SpooledAnswerOptions,
): Promise<Response> {
  const { stallTimeoutMs, commitAfterMs, onFinish, fields } = options;
  // Only the coding is still being made.
  const isFinished = body.record.state === "finished";
  if (isFinished) setFields(headers, options);
  growing.retain();
  let isLent = false;
  try {
    const answer = await answerGrowing(request, growing, { etag: tagOf(chosen) }, headers, commitAfterMs);
    if ("response" in answer) return answer.response;
    if ("ended" in answer) {
      await chosen.ended;
      return await answerSpooled(request, body, options);
    }
    const { status } = answer;
    if (request.method === "HEAD") return answerHead(status, headers, options);
    isLent = true;
    // At the end it is known, also of the bytes that are not in this part (RFC 9530 §3).
    const late = (): Record<string, string> => (isFinished ? {} : (fields?.() ?? {}));
    const trailers = (): Record<string, string> => ({ ...late(), "Repr-Digest": formatReprDigest(hashOf(chosen)) });
    if (!("range" in answer)) headers.set("Trailer", [...Object.keys(late()), "Repr-Digest"].join(", "));
    const release = (): void => growing.release();
    const stream = bodyStream({
      open: () =>
        "range" in answer
          ? new PartBlocks([answer.range], readOf(growing), release)
          : new GrowingBlocks(growing, answer.first, release),
      discard: release,
      contentLength: "range" in answer ? answer.range.last - answer.range.first + 1 : undefined,
      commitAfterMs,
      stallTimeoutMs,
      // The tag is that of the bytes as they are in the file.
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

async function answerFinished(
  request: Request,
  { chosen, headers }: Chosen,
  options: SpooledAnswerOptions,
): Promise<Response> {
  const { byteLength = 0 } = chosen.record;
  setDigest(request, headers, hashOf(chosen));
  setFields(headers, options);
  const answer = answerRequest(request, { etag: tagOf(chosen), completeLength: byteLength }, headers);
  if ("response" in answer) return answer.response;
  const { status, parts, contentLength } = answer;
  if (request.method === "HEAD") return answerHead(status, headers, options);
  let file: FinishedFile;
  try {
    file = await chosen.openFinished();
  } catch {
    chosen.assertThere();
    throw new HttpError(503, "It cannot be read now");
  }
  const release = (): void => file.release();
  const stream = bodyStream({
    open: () => new PartBlocks(parts, readOf(file), release),
    discard: release,
    contentLength,
    stallTimeoutMs: options.stallTimeoutMs,
    compress: false,
    onFinish: options.onFinish,
  });
  return new Response(stream, { status, headers });
}

function tagOf({ record: { id } }: SpooledBody): string {
  return `"${id}"`;
}

function hashOf({ record: { sha256 = "" } }: SpooledBody): Uint8Array {
  return Buffer.from(sha256, "hex");
}

function readOf(growing: Growing): ReadAt {
  return (buffer, length, position) => growing.read(buffer.subarray(0, length), position);
}

function setFields(headers: Headers, { fields }: SpooledAnswerOptions): void {
  for (const [name, value] of Object.entries(fields?.() ?? {})) headers.set(name, value);
}

function answerHead(status: number, headers: Headers, { stallTimeoutMs, onFinish }: SpooledAnswerOptions): Response {
  new Body({ open: () => ({ pull: () => undefined, cancel() {} }), stallTimeoutMs, onFinish }).discard();
  return new Response(null, { status, headers });
}

function answerFailed({ record: { failure } }: SpooledBody): Response {
  return problemResponse(failure?.status ?? 500, failure?.message, { "Cache-Control": "no-store" });
}
