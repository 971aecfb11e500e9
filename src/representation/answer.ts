import { evaluatePreconditions, ifRangeHolds } from "../http/preconditions.ts";
import { problemResponse } from "../http/problem.ts";
import { type ByteRange, formatContentRange, parseRange } from "../http/ranges.ts";
import { type Validators, formatHttpDate } from "../http/validators.ts";

/** Bytes that are all there: what a request may ask a part of. */
export interface Representation extends Validators {
  /** In bytes. */
  readonly completeLength: number;
}

/** How a request for a representation is answered: finished, or with a head that wants these bytes for a body. */
export type Answer =
  | { readonly response: Response }
  | { readonly status: 200 | 206; readonly headers: Headers; readonly range: ByteRange | undefined };

/** RFC 9110 §15.4.5: what a 304 repeats; fields that describe the bytes would only be stale in the reader's store. */
const NOT_IN_304 = ["Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Type"];

/**
 * Answers a GET or HEAD for a representation: preconditions, then the range, in the order of RFC 9110 §13.2.2.
 *
 * @param headers - of the whole representation, without length and validators unless they are to win over ours; changed
 */
export function answerRequest(request: Request, representation: Representation, headers: Headers): Answer {
  const { completeLength } = representation;
  const validators = applyValidators(representation, headers);
  headers.set("Accept-Ranges", "bytes");
  const result = evaluatePreconditions(request.method, request.headers, validators);
  if (result === 304) {
    for (const name of NOT_IN_304) headers.delete(name);
    return { response: new Response(null, { status: 304, headers }) };
  }
  if (result === 412) {
    return {
      response: problemResponse(
        412,
        "It is not in the state that the request is for",
        pick(headers, ["ETag", "Last-Modified"]),
      ),
    };
  }
  const ranges = rangesOf(request, completeLength, validators);
  if (ranges === "unsatisfiable") {
    const fields = pick(headers, ["ETag", "Accept-Ranges"]);
    fields.set("Content-Range", formatContentRange(undefined, completeLength));
    return {
      response: problemResponse(416, `There are ${completeLength} bytes, and the range begins behind them`, fields),
    };
  }
  // RFC 9110 §14.2 lets a server send everything to a request for several ranges.
  const range = ranges?.length === 1 ? ranges[0] : undefined;
  if (range) headers.set("Content-Range", formatContentRange(range, completeLength));
  headers.set("Content-Length", String(range ? range.last - range.first + 1 : completeLength));
  return { status: range ? 206 : 200, headers, range };
}

/** RFC 9110 §14.2: a range means something to GET only. A failed If-Range makes even an unsatisfiable one be ignored. */
function rangesOf(request: Request, completeLength: number, validators: Validators): ReturnType<typeof parseRange> {
  if (request.method !== "GET" || !ifRangeHolds(request.headers, validators)) return undefined;
  return parseRange(request.headers.get("Range"), completeLength);
}

/** Sets the validators' fields, where the caller has not. What was set is what is compared with. */
function applyValidators(representation: Representation, headers: Headers): Validators {
  const { etag, lastModifiedMs, lastModifiedIsStrong } = representation;
  if (etag !== undefined && !headers.has("ETag")) headers.set("ETag", etag);
  if (headers.has("Last-Modified")) return { etag: headers.get("ETag") ?? undefined };
  if (lastModifiedMs !== undefined) headers.set("Last-Modified", formatHttpDate(lastModifiedMs));
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
