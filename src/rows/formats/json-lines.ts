import type { Column, ColumnType } from "../column.ts";
import type { ResolvedRowFormatOptions, RowFormat, RowLayout } from "../row-format.ts";
import type { SqlDialect } from "../sql-dialect.ts";

/** A row a line, each an object with the columns' names in their order, equal names included. */
export const jsonLines: RowFormat = {
  mediaType: "application/x-ndjson",
  otherTypes: ["application/jsonl", "application/x-jsonlines"],
  extensions: ["ndjson", "jsonl"],
  layout: (columns, options) => ({ begin: "", between: "", rowEnd: "\n", end: "", ...jsonRow(columns, options) }),
};

/** One array of such objects. It is JSON only when it is complete. */
export const json: RowFormat = {
  mediaType: "application/json",
  otherTypes: [],
  extensions: ["json"],
  layout: (columns, options) => ({
    begin: "[\n",
    between: ",\n",
    rowEnd: "",
    end: "\n]\n",
    ...jsonRow(columns, options),
  }),
};

/** JSON has no numbers beyond these (RFC 8259 §6 wants the digits; readers want a double). */
const MAX_SAFE = "9007199254740991";

function jsonRow(
  columns: readonly Column[],
  options: ResolvedRowFormatOptions,
): Pick<RowLayout, "before" | "after" | "null" | "cell"> {
  return {
    before: (index) => `${index === 0 ? "{" : ","}${JSON.stringify(columns[index]!.name)}:`,
    after: "}",
    null: "null",
    cell: (type, text, sql) => jsonCell(type, text, sql, options),
  };
}

function jsonCell(
  type: Exclude<ColumnType, "dynamic">,
  text: string,
  sql: SqlDialect,
  { bigint, nonFinite }: ResolvedRowFormatOptions,
): string {
  switch (type) {
    case "boolean":
    case "int16":
    case "int32":
      return text;
    case "int64": {
      if (bigint === "number") return text;
      // Compared as text: by length, then digit by digit.
      const digits = `ltrim(${text}, '-')`;
      const isLarge = `length(${digits}) > 16 OR (length(${digits}) = 16 AND ${digits} > '${MAX_SAFE}')`;
      return `CASE WHEN ${isLarge} THEN ${inQuotes(text, sql)} ELSE ${text} END`;
    }
    case "decimal":
    case "float32":
    case "float64": {
      const instead = nonFinite === "null" ? "'null'" : inQuotes(text, sql);
      return `CASE WHEN ${text} IN ('NaN', 'Infinity', '-Infinity') THEN ${instead} ELSE ${text} END`;
    }
    case "json":
      // Between its tokens JSON may have line ends; in its strings it has none.
      return `replace(replace(${text}, ${sql.literal("\n")}, ' '), ${sql.literal("\r")}, ' ')`;
    case "text":
    case "interval":
      return sql.jsonString(text);
    default:
      return inQuotes(text, sql);
  }
}

function inQuotes(text: string, sql: SqlDialect): string {
  return sql.concat([`'"'`, text, `'"'`]);
}
