import { createBoundary, planByteranges } from "../http/multipart.ts";
import { evaluatePreconditions, ifRangeHolds } from "../http/preconditions.ts";
import { problemResponse } from "../http/problem.ts";
import { type ByteRange, formatContentRange, parseRange } from "../http/ranges.ts";
import { type Validators, formatHttpDate } from "../http/validators.ts";

/** Bytes that are all there: what a request may ask a part of. */
export interface Representation extends Validators {
  /** In bytes. */
  readonly completeLength: number;
}

/** A piece of a body: bytes as they are, or a range of the representation. */
export type BodyPart = Uint8Array | ByteRange;

/** How a request for a representation is answered: finished, or with a head that wants these parts for a body. */
export type Answer =
  | { readonly response: Response }
  | {
      readonly status: 200 | 206;
      readonly headers: Headers;
      readonly parts: readonly BodyPart[];
      /** Of all parts, in bytes; `headers` say the same. */
      readonly contentLength: number;
    };

/** RFC 9110 §15.4.5: what a 304 repeats; fields that describe the bytes would only be stale in the reader's store. */
const NOT_IN_304 = [
  "Content-Disposition",
  "Content-Encoding",
  "Content-Language",
  "Content-Length",
  "Content-Type",
  "Digest",
  "Repr-Digest",
];

const encoder = new TextEncoder();

export function byteLengthOf(part: BodyPart): number {
  return part instanceof Uint8Array ? part.byteLength : part.last - part.first + 1;
}

/**
 * Answers a GET or HEAD for a representation: preconditions, then the ranges, in the order of RFC 9110 §13.2.2.
 *
 * @param headers - of the whole representation, without length and validators unless they are to win over ours; changed
 */
export function answerRequest(request: Request, representation: Representation, headers: Headers): Answer {
  const { completeLength } = representation;
  const validators = applyValidators(representation, headers);
  const response = answerPreconditions(request, validators, headers);
  if (response) return { response };
  const ranges = rangesOf(request, completeLength, validators);
  if (ranges === "unsatisfiable") return { response: unsatisfiable(completeLength, headers) };
  // Parts of coded bytes in a body that is not coded itself: clients would decode the whole of it.
  if (ranges && ranges.length > 1 && headers.has("Content-Encoding")) return respondWhole(headers, completeLength);
  if (ranges && ranges.length > 1) {
    const type = headers.get("Content-Type") ?? undefined;
    const plan = planByteranges(ranges, completeLength, type, createBoundary());
    if (plan) {
      headers.set("Content-Type", plan.contentType);
      const parts = plan.parts.flatMap(({ head, range }) => [encoder.encode(head), range]);
      return respond(206, headers, [...parts, encoder.encode(plan.tail)], plan.contentLength);
    }
  } else if (ranges) {
    const range = ranges[0]!;
    headers.set("Content-Range", formatContentRange(range, completeLength));
    return respond(206, headers, [range], byteLengthOf(range));
  }
  return respondWhole(headers, completeLength);
}

/**
 * Sets what says that ranges may be asked for, and answers a request whose preconditions do not hold.
 *
 * @param headers - as {@link answerRequest}
 */
export function answerPreconditions(request: Request, validators: Validators, headers: Headers): Response | undefined {
  headers.set("Accept-Ranges", "bytes");
  const result = evaluatePreconditions(request.method, request.headers, validators);
  if (result === 304) {
    for (const name of NOT_IN_304) headers.delete(name);
    return new Response(null, { status: 304, headers });
  }
  if (result === 412) {
    const fields = pick(headers, ["ETag", "Last-Modified", "Vary"]);
    return problemResponse(412, "It is not in the state that the request is for", fields);
  }
  return undefined;
}

function respondWhole(headers: Headers, completeLength: number): Answer {
  const whole = completeLength === 0 ? [] : [{ first: 0, last: completeLength - 1 }];
  return respond(200, headers, whole, completeLength);
}

function respond(status: 200 | 206, headers: Headers, parts: readonly BodyPart[], contentLength: number): Answer {
  headers.set("Content-Length", String(contentLength));
  return { status, headers, parts, contentLength };
}

/**
 * RFC 9110 §15.5.17. It has no body: what asks for ranges puts bodies together, and some programs do so without looking at
 * the status.
 */
function unsatisfiable(completeLength: number, headers: Headers): Response {
  const fields = pick(headers, ["ETag", "Last-Modified", "Accept-Ranges", "Vary"]);
  fields.set("Content-Range", formatContentRange(undefined, completeLength));
  fields.set("Content-Length", "0");
  fields.set("Cache-Control", "no-store");
  return new Response(null, { status: 416, headers: fields });
}

/** RFC 9110 §14.2: a range means something to GET only. A failed If-Range makes even an unsatisfiable one be ignored. */
function rangesOf(request: Request, completeLength: number, validators: Validators): ReturnType<typeof parseRange> {
  if (request.method !== "GET" || !ifRangeHolds(request.headers, validators)) return undefined;
  return parseRange(request.headers.get("Range"), completeLength);
}

/** Sets the validators' fields, where the caller has not. What was set is what is compared with. */
export function applyValidators(representation: Validators, headers: Headers): Validators {
  const { etag, lastModifiedMs, lastModified, lastModifiedIsStrong } = representation;
  if (etag !== undefined && !headers.has("ETag")) headers.set("ETag", etag);
  if (headers.has("Last-Modified")) return { etag: headers.get("ETag") ?? undefined };
  if (lastModifiedMs !== undefined) headers.set("Last-Modified", lastModified ?? formatHttpDate(lastModifiedMs));
  return { etag: headers.get("ETag") ?? undefined, lastModifiedMs, lastModifiedIsStrong };
}

function pick(headers: Headers, names: string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
