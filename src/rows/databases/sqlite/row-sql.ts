import type { RowFormatRequest, RowLayout } from "../../row-format.ts";
import { rowText } from "../../row-text.ts";
import { type SqlDialect, quoteText } from "../../sql-dialect.ts";
import type { SqliteColumn } from "./columns.ts";

/** SQLite takes no function of more arguments (SQLITE_MAX_FUNCTION_ARG), and no deeper tree (SQLITE_MAX_EXPR_DEPTH). */
const MAX_ARGUMENTS = 1000;
const MAX_OPERANDS = 3;

const sqliteDialect: SqlDialect = {
  literal: quoteText,
  concat(parts) {
    // The operator is faster for a few; a long chain of it copies what it has again and again.
    if (parts.length <= MAX_OPERANDS) return `(${parts.length === 1 ? `${parts[0]} || ''` : parts.join(" || ")})`;
    if (parts.length <= MAX_ARGUMENTS) return `concat(${parts.join(", ")})`;
    const groups: string[] = [];
    for (let at = 0; at < parts.length; at += MAX_ARGUMENTS) {
      groups.push(sqliteDialect.concat(parts.slice(at, at + MAX_ARGUMENTS)));
    }
    return sqliteDialect.concat(groups);
  },
  // A text that json() has made would be taken for JSON, and stand there without quotes: what is concatenated is plain text.
  jsonString: (text) => `json_quote(${text} || '')`,
};

/** The text of a row as one SQL expression over the columns `names`. Any value may be in any column: each cell asks for its type. */
export function rowSql(
  columns: readonly SqliteColumn[],
  names: readonly string[],
  layout: RowLayout,
  { options }: RowFormatRequest,
): string {
  const cell = (name: string): string => {
    const write = (type: "int64" | "float64" | "text" | "bytes", text: string): string =>
      layout.cell(type, text, sqliteDialect);
    const bytes = options.bytes === "hex" ? `lower(hex(${name}))` : `sluice_base64(${name})`;
    // A REAL has the digits that SQLite gives it: as many as read back the same number.
    const real = `(CASE ${name} WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE ${name} END)`;
    return (
      `CASE typeof(${name}) WHEN 'integer' THEN ${write("int64", name)} WHEN 'text' THEN ${write("text", name)} ` +
      `WHEN 'null' THEN ${quoteText(layout.null)} WHEN 'real' THEN ${write("float64", real)} ` +
      `ELSE ${write("bytes", bytes)} END`
    );
  };
  return rowText(layout, columns, sqliteDialect, (_column, index) => cell(names[index]!));
}

/**
 * A row as SQLite's own JSON functions write it, which know the types of values and cost half of {@link rowSql}. They fail for
 * bytes, and have no word for infinities ({@link INFINITY_MARK}).
 *
 * @returns an expression that gives an object for JSON, an array for CSV and for Parquet's feed; undefined where the format is another, or the
 *   columns are too many, or said to be bytes
 */
export function jsonSql(
  columns: readonly SqliteColumn[],
  names: readonly string[],
  { name, options }: RowFormatRequest,
): string | undefined {
  if (columns.some(({ type }) => type === "bytes")) return undefined;
  const values = names.map((value, index) =>
    columns[index]!.isStored ? value : `CASE typeof(${value}) WHEN 'text' THEN ${value} || '' ELSE ${value} END`,
  );
  if (name === "parquet" || (name === "csv" && options.profile === "plain")) {
    return values.length <= MAX_ARGUMENTS ? `json_array(${values.join(", ")})` : undefined;
  }
  const isJson = name === "ndjson" || name === "json";
  if (!isJson || options.bigint !== "number" || values.length * 2 > MAX_ARGUMENTS) return undefined;
  return `json_object(${values.map((value, index) => `${quoteText(columns[index]!.name)}, ${value}`).join(", ")})`;
}

/** What SQLite writes for an infinity, in JSON. */
export const INFINITY_MARK = "9.0e+999";
