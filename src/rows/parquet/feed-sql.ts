import type { Column } from "../column.ts";
import { quoteName, quoteText } from "../sql-dialect.ts";
import { uniqueNames } from "./unique-names.ts";

/** The most text that a row may have, in bytes. DuckDB reads into buffers of this size, and has up to three of them. */
export const MAX_ROW_BYTES: number = 4 * 1024 * 1024;
/** Digits of the largest decimal that DuckDB, and Parquet's readers, have. */
const MAX_PRECISION = 38;
/** How much of a value an error tells. */
const TOLD_CHARACTERS = 50;

/**
 * A query of the rows that come as text (formats/parquet.ts) by the path of a pipe, with the types that the columns have.
 *
 * A cell that is none of its column's type fails the query, with {@link VALUE_ERROR} and the column's name.
 */
export function feedQuery(path: string, columns: readonly Column[]): string {
  const names = uniqueNames(columns.map(({ name }) => name));
  const cells = columns.map((column, index) => `${typedCell(column, `c${index}`)} AS ${quoteName(names[index]!)}`);
  const types = columns.map((_, index) => `'c${index}': 'VARCHAR'`);
  // `parallel` lets it free what it has read of a pipe; without it, all of the text stays in memory.
  return (
    `SELECT ${cells.join(", ")} FROM read_csv('${path}', auto_detect = false, header = false, columns = {${types.join(", ")}}, ` +
    `delim = '\t', quote = '', escape = '', nullstr = 'null', new_line = '\\n', parallel = true, ` +
    `max_line_size = ${MAX_ROW_BYTES}, buffer_size = ${MAX_ROW_BYTES})`
  );
}

/** What an error of a value begins with. */
export const VALUE_ERROR = "The column ";

function typedCell(column: Column, cell: string): string {
  const type = duckDbType(column);
  const fail = `error(${quoteText(`${VALUE_ERROR}${JSON.stringify(column.name)} is ${column.type}, and has `)} || left(${cell}, ${TOLD_CHARACTERS}))`;
  if (type === "VARCHAR") return text(cell);
  if (type === "BLOB")
    return `CASE WHEN starts_with(${cell}, '*') THEN from_base64(${cell}[2:]) WHEN ${cell} IS NOT NULL THEN ${fail} END`;
  const value = column.type === "json" ? text(cell) : cell;
  const cast = `coalesce(TRY_CAST(${value} AS ${type}), CASE WHEN ${cell} IS NOT NULL THEN ${fail} END)`;
  const refused = refusal(column, cell);
  return refused === undefined ? cast : `CASE WHEN ${refused} THEN ${fail} ELSE ${cast} END`;
}

/** What TRY_CAST would take, and change. */
function refusal({ type }: Column, cell: string): string | undefined {
  switch (type) {
    case "int16":
    case "int32":
    case "int64":
      // It rounds.
      return `contains(${cell}, '.')`;
    case "date":
    case "timestamp":
    case "timestamptz":
      // Parquet has none, and would have some day in the distant future.
      return `ends_with(${cell}, 'infinity')`;
    default:
      return undefined;
  }
}

/** What is no JSON string in a column of text is text without quotes, a number, or bytes, which are base64 as in other formats. */
function text(cell: string): string {
  return (
    `CASE WHEN starts_with(${cell}, '"') THEN json_extract_string(${cell}, '$') ` +
    `WHEN starts_with(${cell}, '*') THEN ${cell}[2:] ELSE ${cell} END`
  );
}

function duckDbType({ type, precision, scale = 0 }: Column): string {
  switch (type) {
    case "boolean":
    case "date":
    case "time":
    case "timestamp":
    case "timestamptz":
    case "uuid":
    case "json":
      return type.toUpperCase();
    case "int16":
      return "SMALLINT";
    case "int32":
      return "INTEGER";
    case "int64":
      return "BIGINT";
    case "float32":
      return "FLOAT";
    case "float64":
      return "DOUBLE";
    case "bytes":
      return "BLOB";
    case "decimal": {
      const fits = precision !== undefined && precision <= MAX_PRECISION && scale >= 0 && scale <= precision;
      return fits ? `DECIMAL(${precision}, ${scale})` : "VARCHAR";
    }
    case "text":
    case "interval":
    case "dynamic":
      return "VARCHAR";
  }
}
