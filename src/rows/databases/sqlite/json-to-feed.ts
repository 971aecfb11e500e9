import type { Column } from "../../column.ts";

const ASTERISK = 0x2a;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const TAB = 0x09;
const ARRAY_START = 0x5b;
const ARRAY_END = 0x5d;
const NULL = Buffer.from("null");

/** Whether text may stand without quotes in the columns of a feed: where nothing is made of it. */
export function plainColumns(columns: readonly Column[]): boolean[] {
  return columns.map(({ type }) => type === "text" || type === "dynamic");
}

/**
 * Makes Parquet's feed (formats/parquet.ts) of JSON arrays of scalars, one a line, as SQLite writes them: tabs for the commas
 * between cells, and no brackets. O(n).
 *
 * @param json - in UTF-8, without a line feed at its end
 * @param feed - room for as many bytes as `json` has
 * @param plain - by column, {@link plainColumns}: text goes without quotes where it can, so that nobody has to read JSON
 * @returns how many bytes were written: rows with line feeds between them
 */
export function jsonToFeed(json: Uint8Array, feed: Uint8Array, plain: readonly boolean[]): number {
  let written = 0;
  let column = 0;
  for (let at = 0; at < json.length;) {
    const byte = json[at++]!;
    if (byte === QUOTE) {
      const end = plain[column] ? copyPlain(json, at, feed, written) : -1;
      if (end >= 0) {
        written += end - at;
        at = end + 1;
        continue;
      }
      feed[written++] = QUOTE;
      for (;;) {
        const inside = json[at++]!;
        feed[written++] = inside;
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) feed[written++] = json[at++]!;
      }
    } else if (byte === COMMA) {
      feed[written++] = TAB;
      column++;
    } else if (byte === ARRAY_END) {
      // And the line feed behind it.
      at++;
      column = 0;
      if (at < json.length) feed[written++] = LINE_FEED;
    } else if (byte !== ARRAY_START) feed[written++] = byte;
  }
  return written;
}

/** Copies a JSON string from `at` to its end, whose place it returns: -1 where it must keep its quotes. */
function copyPlain(json: Uint8Array, at: number, feed: Uint8Array, to: number): number {
  const first = json[at]!;
  // Nothing at all may be an empty line, which is none; and a text `"…` is `\"` here.
  if (first === QUOTE || first === ASTERISK) return -1;
  let end = at;
  for (let byte = first; byte !== QUOTE; byte = json[++end]!) {
    if (byte === BACKSLASH) return -1;
    feed[to++] = byte;
  }
  const isNull = end - at === NULL.length && NULL.every((byte, index) => json[at + index] === byte);
  return isNull ? -1 : end;
}
