import { essence } from "../../http/headers.ts";
import { InterruptedError } from "../download-error.ts";
import { FollowError, streamFailure, trimmed } from "./follow-error.ts";

/** Fields of Durable Streams; the one for failures is ours. */
export const NEXT_OFFSET = "stream-next-offset";
const FAILED = "stream-failed";
const DATA_ENCODING = "stream-sse-data-encoding";

/** 4xx that may pass by themselves: Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUSES = [408, 425, 429];

/**
 * @returns false where there is nothing more to come (204, WHATWG HTML §9.2.2)
 * @throws InterruptedError where another attempt may help, FollowError where none will
 */
export function judgeStatus({ status, headers }: Response): boolean {
  if (status === 200) return true;
  if (status === 204) {
    const failure = headers.get(FAILED);
    if (failure !== null) throw streamFailure(failure);
    return false;
  }
  const message = `The server answered ${status}`;
  if (status >= 500 || PASSING_STATUSES.includes(status)) {
    throw new InterruptedError(message, { retryAfterMs: retryAfterMs(headers.get("retry-after")) });
  }
  if (status !== 410) throw new FollowError("refused", message, { status });
  const first = headers.get(NEXT_OFFSET);
  throw first === null ? new FollowError("gone", "The stream was deleted", { status }) : trimmed(first, status);
}

export function isEventStream({ headers }: Response): boolean {
  return essence(headers.get("content-type") ?? "") === "text/event-stream";
}

export function noEvents({ status, headers }: Response): FollowError {
  const type = headers.get("content-type") ?? "something without a type";
  return new FollowError("no_events", `The server sends ${type}, which is no event stream`, { status });
}

/** How bytes stand in an event stream's data: of several streams, some of them text, for each in its order. */
export function encodingsOf({ headers }: Response): readonly ("base64" | undefined)[] {
  const encodings = headers.get(DATA_ENCODING)?.split(/,\s*/u) ?? [];
  return encodings.map((encoding) => (encoding === "base64" ? "base64" : undefined));
}

/** `Retry-After` (RFC 9110 §10.2.3), in ms from now. Dates are read by the platform: what reads all forms of HTTP's is large. */
function retryAfterMs(field: string | null): number | undefined {
  if (field === null) return undefined;
  const ms = /^\d+$/u.test(field) ? Number(field) * 1000 : Date.parse(field) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
