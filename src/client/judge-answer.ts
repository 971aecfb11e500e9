import { parseContentRange } from "../http/ranges.ts";
import { type Representation, checkableDigests, isSameValidator, strongValidator } from "./representation.ts";
import { parseRetryAfter } from "./retry.ts";

/** What is there of a representation: its first bytes. */
export interface Held {
  readonly representation: Representation;
  readonly receivedBytes: number;
}

/** What to do about an answer. */
export type Verdict =
  | {
      readonly kind: "body";
      readonly representation: Representation;
      /** The offset of the body's first byte; at most what is held. */
      readonly startsAtBytes: number;
      /** The offset behind its last byte; undefined where only its end tells. */
      readonly endsAtBytes: number | undefined;
      /** Nothing of what is held belongs to it. */
      readonly startsAgain: boolean;
      /** Whether the end of the body is the end of the representation. */
      readonly reachesEnd: boolean;
    }
  | { readonly kind: "complete"; readonly completeLength: number }
  | { readonly kind: "start again"; readonly reason: string }
  | { readonly kind: "retry"; readonly reason: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: "fail"; readonly reason: string };

/** 4xx that may pass by themselves: Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** Whether the rest can be asked for: something is there, and a strong validator says of what. */
export function isResumable(held: Held | undefined): held is Held {
  return held !== undefined && held.receivedBytes > 0 && held.representation.validator !== undefined;
}

/** The fields of the next request; where nothing can be resumed, it asks for everything. */
export function requestFields(held: Held | undefined): Record<string, string> {
  return {
    // Ranges, tags and digests are those of the bytes as they are sent: only uncoded ones are what the user asked for.
    "accept-encoding": "identity",
    "want-repr-digest": "sha-256=10, sha-512=5",
    ...(isResumable(held)
      ? { range: `bytes=${held.receivedBytes}-`, "if-range": held.representation.validator!.value }
      : {}),
  };
}

/**
 * Whether, and where, the body of an answer to {@link requestFields} belongs.
 *
 * @param held - as it was when the request was made
 */
export function judgeAnswer(held: Held | undefined, status: number, fields: Headers): Verdict {
  const asked = isResumable(held) ? held : undefined;
  if (status === 200 || status === 203 || status === 206) {
    const coding = fields.get("content-encoding")?.trim().toLowerCase();
    if (coding !== undefined && coding !== "" && coding !== "identity") {
      return fail(`The server sends it coded (Content-Encoding: ${coding}), though only identity was asked for`);
    }
    return status === 206 ? judgePart(asked, fields) : judgeWhole(held, asked, fields);
  }
  if (status === 416 && asked) return judgeUnsatisfiable(asked, fields);
  if (status >= 500 || PASSING_STATUSES.has(status)) {
    const retryAfterMs = parseRetryAfter(fields.get("retry-after"));
    return { kind: "retry", reason: `The server answered ${status}`, retryAfterMs };
  }
  return fail(`The server answered ${status}${explain(status)}`);
}

function judgeWhole(held: Held | undefined, asked: Held | undefined, fields: Headers): Verdict {
  const completeLength = parseLength(fields.get("content-length"));
  const representation = {
    validator: strongValidator(fields),
    completeLength,
    digests: checkableDigests(fields.get("repr-digest")),
  };
  // The range was ignored. Equal strong validators mean equal bytes (RFC 9110 §8.8.1): those held are passed over, not lost.
  const isSame =
    asked !== undefined &&
    isSameValidator(asked.representation.validator, representation.validator) &&
    (completeLength ?? asked.representation.completeLength) ===
      (asked.representation.completeLength ?? completeLength) &&
    (completeLength === undefined || completeLength >= asked.receivedBytes);
  return {
    kind: "body",
    representation,
    startsAtBytes: 0,
    endsAtBytes: completeLength,
    startsAgain: held === undefined || !isSame,
    reachesEnd: true,
  };
}

function judgePart(asked: Held | undefined, fields: Headers): Verdict {
  if (!asked) return fail("The server answered 206 though no range was asked for");
  const field = fields.get("content-range");
  const contentRange = parseContentRange(field);
  if (!contentRange?.range) return wrongPart(`with Content-Range: ${field ?? "none"}`);
  const { range, completeLength } = contentRange;
  const { validator, completeLength: known } = asked.representation;
  if (completeLength !== undefined && known !== undefined && completeLength !== known) {
    return wrongPart(`of ${completeLength} bytes, not of ${known}`);
  }
  const name = validator!.field;
  const value = fields.get(name);
  // A 206 has to repeat the tag, but not the date (RFC 9110 §15.3.7).
  if (value !== validator!.value && (name === "etag" || value !== null)) {
    return wrongPart(`with ${name}: ${value ?? "none"}, not ${validator!.value}`);
  }
  // It may begin earlier than asked (RFC 9110 §15.3.7), and later is of no use.
  if (range.first > asked.receivedBytes || range.last < asked.receivedBytes) {
    return wrongPart(`of bytes ${range.first}-${range.last}, not from ${asked.receivedBytes}`);
  }
  const length = parseLength(fields.get("content-length"));
  if (length !== undefined && length !== range.last - range.first + 1) {
    return wrongPart(`of ${length} bytes with Content-Range: ${field}`);
  }
  // To the end of what is still being made, wherever that will be (RFC 8673 §2).
  const isOpen = completeLength === undefined && range.last === Number.MAX_SAFE_INTEGER;
  return {
    kind: "body",
    representation: { validator, completeLength, digests: checkableDigests(fields.get("repr-digest")) },
    startsAtBytes: range.first,
    endsAtBytes: isOpen ? undefined : range.last + 1,
    startsAgain: false,
    reachesEnd: isOpen || range.last + 1 === (completeLength ?? known),
  };
}

/** With a matching `If-Range`, 416 says that nothing comes behind what is held (RFC 9110 §15.5.17). */
function judgeUnsatisfiable(asked: Held, fields: Headers): Verdict {
  const completeLength = parseContentRange(fields.get("content-range"))?.completeLength;
  const { validator } = asked.representation;
  const value = fields.get(validator!.field);
  const isSame = value === null || value === validator!.value;
  if (isSame && completeLength === asked.receivedBytes) return { kind: "complete", completeLength };
  const has = completeLength === undefined ? "does not say how much it has" : `has ${completeLength} bytes`;
  return { kind: "start again", reason: `The server ${has}, and here are ${asked.receivedBytes}` };
}

function parseLength(field: string | null): number | undefined {
  const length = /^\d+$/u.test(field ?? "") ? Number(field) : undefined;
  return Number.isSafeInteger(length) ? length : undefined;
}

function fail(reason: string): Verdict {
  return { kind: "fail", reason };
}

/** One of several servers behind a name may be wrong, and the next one right: what is held stays. */
function wrongPart(what: string): Verdict {
  return { kind: "retry", reason: `The server answered a part ${what}`, retryAfterMs: undefined };
}

function explain(status: number): string {
  switch (status) {
    case 401:
      return ": it wants credentials (-H, or in the URL)";
    case 403:
      return ": it is not allowed";
    case 404:
      return ": there is nothing at this URL";
    case 410:
      return ": it is gone";
    default:
      return "";
  }
}
