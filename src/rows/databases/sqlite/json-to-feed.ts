const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const ARRAY_START = 0x5b;
const ARRAY_END = 0x5d;

/**
 * Makes Parquet's feed (formats/parquet.ts) of JSON arrays of scalars, one a line, as SQLite writes them: tabs for the commas
 * between cells, and no brackets. O(n).
 *
 * @param json - in UTF-8, without a line feed at its end
 * @param feed - room for as many bytes as `json` has
 * @returns how many bytes were written: rows with line feeds between them
 */
export function jsonToFeed(json: Uint8Array, feed: Uint8Array): number {
  let written = 0;
  for (let at = 0; at < json.length;) {
    const byte = json[at++]!;
    if (byte === QUOTE) {
      feed[written++] = QUOTE;
      for (;;) {
        const inside = json[at++]!;
        feed[written++] = inside;
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) feed[written++] = json[at++]!;
      }
    } else if (byte === COMMA) feed[written++] = TAB;
    else if (byte === ARRAY_END) {
      // And the line feed behind it.
      at++;
      if (at < json.length) feed[written++] = LINE_FEED;
    } else if (byte !== ARRAY_START) feed[written++] = byte;
  }
  return written;
}
