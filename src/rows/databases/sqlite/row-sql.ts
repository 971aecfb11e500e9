import type { ColumnType } from "../../column.ts";
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

/**
 * The text of a row as one SQL expression over the columns `names`.
 *
 * Values may be of any type in any column, so each cell asks for its type. That costs a third more than an expression for the
 * types that the columns are declared with: so the row has both, and compares before which it needs. A value that is not as
 * declared is thus as right as any, and only slower.
 */
export function rowSql(
  columns: readonly SqliteColumn[],
  names: readonly string[],
  layout: RowLayout,
  format: RowFormatRequest,
): string {
  const general = rowText(layout, columns, sqliteDialect, (_column, index) =>
    generalCell(names[index]!, layout, format),
  );
  const bigints = format.options.bigint === "number" || layout.null !== "null";
  if (columns.every(({ expected }) => expected === "unknown") || !bigints) return general;
  const asDeclared = rowText(layout, columns, sqliteDialect, ({ expected }, index) =>
    expected === "unknown" ? generalCell(names[index]!, layout, format) : expectedCell(expected, names[index]!, layout),
  );
  const isJson = format.name === "ndjson" || format.name === "json";
  const fast = isJson ? (jsonObject(columns, names) ?? asDeclared) : asDeclared;
  const odd = columns.flatMap(({ expected, type }, index) => {
    if (expected === "unknown") return [];
    return [expected === "text" ? isNotText(names[index]!, type) : isNotNumber(names[index]!)];
  });
  return `CASE WHEN ${balanced(odd)} THEN ${general} ELSE ${fast} END`;
}

/** SQLite's own function is the fastest; what it cannot say (bytes, infinities) does not come here. */
function jsonObject(columns: readonly SqliteColumn[], names: readonly string[]): string | undefined {
  const isPlain = columns.every(({ expected, isStored }) => expected !== "unknown" && isStored);
  if (!isPlain || columns.length * 2 > MAX_ARGUMENTS) return undefined;
  return `json_object(${columns.map(({ name }, index) => `${quoteText(name)}, ${names[index]!}`).join(", ")})`;
}

/** NULL makes a cell NULL here, and what stands for it is put in its place. */
function expectedCell(expected: "number" | "text", name: string, layout: RowLayout): string {
  // Infinities, which need more than their digits, are not as declared.
  const cell = layout.cell(expected === "text" ? "text" : "int32", name, sqliteDialect);
  return `ifnull(${cell}, ${quoteText(layout.null)})`;
}

function generalCell(name: string, layout: RowLayout, { options }: RowFormatRequest): string {
  const cell = (type: "int64" | "float64" | "text" | "bytes", text: string): string =>
    layout.cell(type, text, sqliteDialect);
  const bytes = options.bytes === "hex" ? `lower(hex(${name}))` : `sluice_base64(${name})`;
  // A REAL has the digits that SQLite gives it: as many as read back the same number.
  const real = `CASE ${name} WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE ${name} END`;
  return (
    `CASE typeof(${name}) WHEN 'integer' THEN ${cell("int64", name)} WHEN 'text' THEN ${cell("text", name)} ` +
    `WHEN 'null' THEN ${quoteText(layout.null)} WHEN 'real' THEN ${cell("float64", `(${real})`)} ELSE ${cell("bytes", bytes)} END`
  );
}

/**
 * Numbers are less than any text, and texts than any bytes (sqlite.org/datatype3.html §4.1). NULL is neither. A column of TEXT
 * affinity has no numbers (§3).
 */
function isNotText(name: string, type: ColumnType): string {
  return type === "text" ? `${name} >= x''` : `${name} >= x'' OR ${name} < ''`;
}

/** Or one that is infinite. */
function isNotNumber(name: string): string {
  return `NOT (${name} BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308)`;
}

/** `a OR b OR …` as a tree that is as flat as it can be. */
function balanced(conditions: readonly string[]): string {
  if (conditions.length === 1) return conditions[0]!;
  const half = conditions.length >> 1;
  return `(${balanced(conditions.slice(0, half))} OR ${balanced(conditions.slice(half))})`;
}
