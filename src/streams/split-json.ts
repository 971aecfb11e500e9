import { HttpError } from "../errors.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_ARRAY, CLOSE_ARRAY] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/**
 * A body in JSON as messages: the elements of an array, one level deep, or the one value that it is. Their bytes are those of the
 * body, without the space around them: numbers keep their digits.
 *
 * @param body - not copied
 * @throws HttpError 400 for what is no JSON
 */
export function splitJson(body: Uint8Array): Uint8Array[] {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw new HttpError(400, `The body is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const [start, end] = trim(body, 0, body.byteLength);
  if (body[start] !== OPEN_ARRAY) return [body.subarray(start, end)];
  return splitArray(body, start + 1, end - 1);
}

/** @param body - JSON, of which an array is between `from` and `to`, without its brackets */
function splitArray(body: Uint8Array, from: number, to: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let begin = from;
  let depth = 0;
  const add = (until: number): void => {
    const [start, end] = trim(body, begin, until);
    if (end > start) messages.push(body.subarray(start, end));
    begin = until + 1;
  };
  for (let index = from; index < to; index++) {
    switch (body[index]) {
      case QUOTE:
        index = endOfString(body, index);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth++;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        if (depth === 0) add(index);
        break;
      default:
    }
  }
  add(to);
  return messages;
}

/** @param quote - where it begins */
function endOfString(body: Uint8Array, quote: number): number {
  let index = quote + 1;
  while (body[index] !== QUOTE) index += body[index] === BACKSLASH ? 2 : 1;
  return index;
}

/** RFC 8259 §2. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function trim(body: Uint8Array, from: number, to: number): [from: number, to: number] {
  let [start, end] = [from, to];
  // A byte order mark, which the decoder has passed over.
  if (start === 0 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) start = 3;
  while (start < end && isSpace(body[start])) start++;
  while (end > start && isSpace(body[end - 1])) end--;
  return [start, end];
}
