import { SluiceTypeError } from "../errors.ts";
import { type ByteRange, formatContentRange } from "./ranges.ts";

/** A `multipart/byteranges` body, all but the bytes of its ranges. Every string in it is ASCII. */
export interface MultipartPlan {
  /** For the response's `Content-Type`. Its `Content-Range` is left out (RFC 9110 §15.3.7.2). */
  readonly contentType: string;
  /** Of the whole body, in bytes: heads, ranges and tail. */
  readonly contentLength: number;
  /** In the order asked: `head` goes before the bytes of `range`. */
  readonly parts: readonly MultipartPart[];
  /** Goes after the bytes of the last range. */
  readonly tail: string;
}

interface MultipartPart {
  readonly head: string;
  readonly range: ByteRange;
}

/** What is both a character of a boundary (RFC 2046 §5.1.1) and of a token, so that no client needs to know quotes. */
const BOUNDARY = /^[\w'+.-]{1,70}$/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/u;

/**
 * Plans the body that answers a request for several ranges (RFC 9110 §14.6 and §15.3.7.2, RFC 2046 §5.1).
 *
 * @param ranges - two or more, inside of `completeLength`, as `parseRange` gives them
 * @param completeLength - of the representation, in bytes
 * @param mediaType - of the representation; each part repeats it
 * @param boundary - must not occur in the bytes: take a new one of {@link createBoundary} for each answer
 * @returns undefined where the body would be no shorter than the representation: the whole is the better answer (200)
 * @throws SluiceTypeError `ERR_INVALID_OPTION` for a boundary that would need quotes, or a type that is not one line of ASCII
 */
export function planByteranges(
  ranges: readonly ByteRange[],
  completeLength: number,
  mediaType: string | undefined,
  boundary: string,
): MultipartPlan | undefined {
  if (!BOUNDARY.test(boundary)) {
    throw new SluiceTypeError(
      "ERR_INVALID_OPTION",
      `A boundary has 1 to 70 letters, digits or any of ' + _ . - ; got ${JSON.stringify(boundary)}`,
    );
  }
  if (mediaType !== undefined && !PRINTABLE_ASCII.test(mediaType)) {
    throw new SluiceTypeError(
      "ERR_INVALID_OPTION",
      `A media type is one line of ASCII; got ${JSON.stringify(mediaType)}`,
    );
  }
  const type = mediaType === undefined ? "" : `Content-Type: ${mediaType}\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  let contentLength = tail.length;
  const parts: MultipartPart[] = [];
  for (const range of ranges) {
    // The line break before a delimiter belongs to the delimiter; the first one has nothing before it.
    const delimiter = `${parts.length === 0 ? "" : "\r\n"}--${boundary}\r\n`;
    const head = `${delimiter}${type}Content-Range: ${formatContentRange(range, completeLength)}\r\n\r\n`;
    contentLength += head.length + range.last - range.first + 1;
    parts.push({ head, range });
  }
  if (contentLength >= completeLength) return undefined;
  return { contentType: `multipart/byteranges; boundary=${boundary}`, contentLength, parts, tail };
}

/** A boundary of 128 random bits: whoever wrote the file cannot have put it there. */
export function createBoundary(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
