import type { RowEncoder, RowFormat, RowValue } from "../row-format.ts";

/**
 * Comma-separated values by RFC 4180, in UTF-8, with a header.
 *
 * - Fields with a comma, a quote, CR or LF, or a space at an end, are quoted; lines end in CRLF.
 * - NULL is an empty field, an empty string `""`. Where there is only one column, NULL is `""` too: many readers pass over
 *   an empty line, and the row would be lost.
 * - Numbers as they are, integers with all their digits; true and false by name; bytes in base64 (RFC 4648 §4).
 */
export const csv: RowFormat = {
  mediaType: "text/csv; charset=utf-8; header=present",
  createEncoder(columns: readonly string[]): RowEncoder {
    return {
      begin: encodeRow(columns),
      encode: columns.length === 1 ? encodeSingle : encodeRow,
      end: "",
    };
  },
};

const NEEDS_QUOTES = /[",\r\n]|^ | $/u;

function encodeRow(values: readonly RowValue[]): string {
  let row = encodeField(values[0]!);
  for (let index = 1; index < values.length; index++) row += `,${encodeField(values[index]!)}`;
  return `${row}\r\n`;
}

function encodeSingle([value]: readonly RowValue[]): string {
  return `${encodeField(value!) || '""'}\r\n`;
}

function encodeField(value: RowValue): string {
  if (typeof value === "string") {
    if (value === "") return '""';
    return NEEDS_QUOTES.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  }
  if (value === null) return "";
  if (value instanceof Uint8Array) return encodeBytes(value);
  return String(value);
}

/** An empty value is not NULL. */
function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") || '""';
}
