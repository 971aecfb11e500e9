import type { ColumnType } from "../column.ts";
import type { RowFormat } from "../row-format.ts";
import type { SqlDialect } from "../sql-dialect.ts";

/**
 * Apache Parquet: columns with their types, compressed. DuckDB makes it: of its own rows itself, of another database's from
 * this text, which it reads as CSV.
 *
 * - A row is a line of cells with tabs between them. No cell has a tab or a line end in it, so that a reader can begin anywhere,
 *   and never mistakes what a cell holds for rows.
 * - Text, JSON and intervals are JSON strings, bytes have an asterisk before their base64, everything else is as it is. So each
 *   cell tells what it is, which matters in SQLite: bytes in a column of text, or text in one of bytes. Only NULL is `null`.
 * - In a column of text a cell may stand without quotes, where it then is none of all that, and has nothing that JSON escapes.
 */
export const parquet: RowFormat = {
  mediaType: "application/vnd.apache.parquet",
  otherTypes: ["application/x-parquet", "application/parquet"],
  extensions: ["parquet"],
  layout: () => ({
    begin: "",
    between: "",
    rowEnd: "\n",
    end: "",
    before: (index) => (index === 0 ? "" : "\t"),
    after: "",
    null: "null",
    cell: feedCell,
  }),
};

function feedCell(type: Exclude<ColumnType, "dynamic">, text: string, sql: SqlDialect): string {
  if (type === "text" || type === "json" || type === "interval") return sql.jsonString(text);
  return type === "bytes" ? sql.concat(["'*'", text]) : text;
}
