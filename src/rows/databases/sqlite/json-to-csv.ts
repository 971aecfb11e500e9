/** How a row and its NULLs are written. */
export interface CsvBytes {
  readonly rowEnd: Uint8Array;
  /** No longer than `null` is in JSON: what is made is never longer than what it is made of. */
  readonly null: Uint8Array;
}

export const MAX_NULL_BYTES: number = "null".length;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ARRAY_START = 0x5b;
const ARRAY_END = 0x5d;
const NULL_START = 0x6e;
/** The letters of JSON's short escapes (RFC 8259 §7), and what they stand for. */
const ESCAPES = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

/**
 * Makes CSV of JSON arrays of scalars, one a line, as SQLite writes them: text stays in its quotes, with CSV's for JSON's escapes
 * in it; numbers stay as they are. O(n), and nothing but bytes.
 *
 * @param json - in UTF-8, without a line feed at its end
 * @param csv - room for as many bytes as `json` has
 * @returns how many bytes were written: rows with `rowEnd` between them
 */
export function jsonToCsv(json: Uint8Array, csv: Uint8Array, { rowEnd, null: nothing }: CsvBytes): number {
  let written = 0;
  for (let at = 0; at < json.length;) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      csv[written++] = QUOTE;
      for (at++; ; at++) {
        const inside = json[at]!;
        if (inside === QUOTE) break;
        if (inside !== BACKSLASH) {
          csv[written++] = inside;
          continue;
        }
        const escaped = json[++at]!;
        if (escaped === QUOTE) {
          csv[written++] = QUOTE;
          csv[written++] = QUOTE;
        } else if (escaped === BACKSLASH) csv[written++] = BACKSLASH;
        else {
          const short = ESCAPES.get(escaped);
          csv[written++] = short ?? hexDigits(json, at + 3);
          // A control character, in four digits.
          if (short === undefined) at += 4;
        }
      }
      csv[written++] = QUOTE;
      at++;
    } else if (byte === NULL_START) {
      for (let index = 0; index < nothing.length; index++) csv[written++] = nothing[index]!;
      at += "null".length;
    } else if (byte === ARRAY_START) at++;
    else if (byte === ARRAY_END) {
      // And the line feed behind it.
      at += 2;
      if (at < json.length) for (let index = 0; index < rowEnd.length; index++) csv[written++] = rowEnd[index]!;
    } else {
      csv[written++] = byte;
      at++;
    }
  }
  return written;
}

function hexDigits(json: Uint8Array, at: number): number {
  return Number.parseInt(String.fromCharCode(json[at]!, json[at + 1]!), 16);
}
