import { type Validators, matchesStrongly, matchesWeakly, parseEntityTags, parseHttpDate } from "./validators.ts";

/** `proceed`, or the status to answer with instead. */
export type PreconditionResult = "proceed" | 304 | 412;

/**
 * Evaluates a request's preconditions against what is there, in the order of RFC 9110 §13.2.2, up to but not including
 * `If-Range`. Only for a request that would otherwise be answered with 2xx (§13.2.1).
 */
export function evaluatePreconditions(method: string, headers: Headers, validators: Validators): PreconditionResult {
  const { etag, lastModifiedMs } = validators;
  const ifMatch = headers.get("If-Match");
  if (ifMatch !== null) {
    if (!anyMatches(ifMatch, etag, matchesStrongly)) return 412;
  } else {
    const ifUnmodifiedSince = dateOf(headers, "If-Unmodified-Since");
    if (ifUnmodifiedSince !== undefined && lastModifiedMs !== undefined && lastModifiedMs > ifUnmodifiedSince)
      return 412;
  }
  const isRead = method === "GET" || method === "HEAD";
  const ifNoneMatch = headers.get("If-None-Match");
  if (ifNoneMatch !== null) {
    if (anyMatches(ifNoneMatch, etag, matchesWeakly)) return isRead ? 304 : 412;
  } else if (isRead) {
    const ifModifiedSince = dateOf(headers, "If-Modified-Since");
    if (ifModifiedSince !== undefined && lastModifiedMs !== undefined && lastModifiedMs <= ifModifiedSince) return 304;
  }
  return "proceed";
}

/**
 * Whether `Range` is to be honoured as far as `If-Range` goes (RFC 9110 §13.1.5): there is none, or it names exactly this
 * state by a strong validator. Joining parts of two states would make a file that never was.
 */
export function ifRangeHolds(headers: Headers, { etag, lastModifiedMs, lastModifiedIsStrong }: Validators): boolean {
  const field = headers.get("If-Range");
  if (field === null) return true;
  if (/^(?:W\/)?"/u.test(field)) return etag !== undefined && matchesStrongly(field, etag);
  return lastModifiedIsStrong === true && lastModifiedMs !== undefined && parseHttpDate(field) === lastModifiedMs;
}

function anyMatches(field: string, etag: string | undefined, matches: (a: string, b: string) => boolean): boolean {
  const tags = parseEntityTags(field);
  if (tags === "*") return true;
  return etag !== undefined && tags.some((tag) => matches(tag, etag));
}

/** RFC 9110 §13.1.3, §13.1.4: a field that is no date is ignored. */
function dateOf(headers: Headers, name: string): number | undefined {
  const field = headers.get(name);
  return field === null ? undefined : parseHttpDate(field);
}
