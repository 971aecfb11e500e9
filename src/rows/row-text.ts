import type { Column, ColumnType } from "./column.ts";
import type { RowLayout } from "./row-format.ts";
import type { SqlDialect } from "./sql-dialect.ts";

/**
 * The text of a row, without what stands between rows, as one SQL expression.
 *
 * @param cell - the text of a column's cell, NULL included
 */
export function rowText<C extends Column>(
  layout: RowLayout,
  columns: readonly C[],
  sql: SqlDialect,
  cell: (column: C, index: number) => string,
): string {
  const parts: string[] = [];
  for (const [index, column] of columns.entries()) {
    const before = layout.before(index);
    if (before !== "") parts.push(sql.literal(before));
    parts.push(cell(column, index));
  }
  if (layout.after !== "") parts.push(sql.literal(layout.after));
  return sql.concat(parts);
}

/** A cell of one type: its text, or what stands for NULL. */
export function nullableCell(
  layout: RowLayout,
  type: Exclude<ColumnType, "dynamic">,
  text: string,
  sql: SqlDialect,
): string {
  return `CASE WHEN ${text} IS NULL THEN ${sql.literal(layout.null)} ELSE ${layout.cell(type, text, sql)} END`;
}
