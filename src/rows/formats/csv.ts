import type { Column, ColumnType } from "../column.ts";
import type { ResolvedRowFormatOptions, RowFormat, RowLayout } from "../row-format.ts";
import { type SqlDialect, quoteText } from "../sql-dialect.ts";

/** Values of these types never need quotes. */
const BARE: ReadonlySet<ColumnType> = new Set([
  "boolean",
  "int16",
  "int32",
  "int64",
  "decimal",
  "float32",
  "float64",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "uuid",
]);

/** A spreadsheet takes text that begins with one of these for a formula (OWASP, CSV Injection), full-width forms too. */
const FORMULA_STARTS = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"];

/**
 * Comma-separated values by RFC 4180, in UTF-8, with a header.
 *
 * - Text is quoted, and so are bytes, JSON and intervals; numbers, booleans, dates, times and UUIDs are not. So any reader can
 *   tell `007` from a number, and an empty text, `""`, from NULL, which is an empty field.
 * - Where there is only one column, NULL is `""`: many readers pass over an empty line, and the row would be lost.
 * - Numbers have the digits that the database gives.
 */
export const csv: RowFormat = {
  mediaType: "text/csv; charset=utf-8; header=present",
  otherTypes: [],
  extensions: ["csv"],
  layout(columns: readonly Column[], options: ResolvedRowFormatOptions): RowLayout {
    const eol = options.eol === "crlf" ? "\r\n" : "\n";
    const excel = options.profile === "excel";
    const header = options.header
      ? `${columns.map(({ name }) => quote(excel ? guard(name) : name)).join(",")}${eol}`
      : "";
    return {
      begin: `${excel ? "\uFEFF" : ""}${options.sep ? `sep=,${eol}` : ""}${header}`,
      between: "",
      rowEnd: eol,
      end: "",
      before: (index) => (index === 0 ? "" : ","),
      after: "",
      null: options.null === "" && columns.length === 1 ? '""' : options.null,
      cell: (type, text, sql) => {
        if (BARE.has(type)) return text;
        if (type === "bytes") return sql.concat([`'"'`, text, `'"'`]);
        return quoted(excel && (type === "text" || type === "json") ? guarded(text, sql) : text, sql);
      },
    };
  },
};

/** Whether the cells of a column are quoted. */
export function isQuoted(type: ColumnType): boolean {
  return !BARE.has(type);
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function guard(text: string): string {
  return FORMULA_STARTS.some((start) => text.startsWith(start)) ? `'${text}` : text;
}

function quoted(text: string, sql: SqlDialect): string {
  return sql.concat([`'"'`, `replace(${text}, '"', '""')`, `'"'`]);
}

function guarded(text: string, sql: SqlDialect): string {
  const starts = FORMULA_STARTS.map((start) => quoteText(start)).join(", ");
  return `CASE WHEN substr(${text}, 1, 1) IN (${starts}) THEN ${sql.concat([quoteText("'"), text])} ELSE ${text} END`;
}
