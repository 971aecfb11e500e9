import type { ResolvedRowFormatOptions, RowFormatRequest, RowLayout } from "../../row-format.ts";
import { ROW_FORMATS } from "../../row-formats.ts";
import { nullableCell, rowText } from "../../row-text.ts";
import { type SqlDialect, quoteName, quoteText } from "../../sql-dialect.ts";
import { uniqueNames } from "../../parquet/unique-names.ts";
import type { Described } from "./statement.ts";

const duckDbDialect: SqlDialect = {
  literal: quoteText,
  concat: (parts) => (parts.length === 1 ? parts[0]! : `concat(${parts.join(", ")})`),
  jsonString: (text) => `CAST(to_json(${text}) AS VARCHAR)`,
};

/** A query that gives each row as one text, with what stands between two rows behind it. */
export function rowQuery(
  { sql, columns }: Described,
  { name, options }: RowFormatRequest,
): { layout: RowLayout; sql: string } {
  const layout = ROW_FORMATS[name].layout!(columns, options);
  const row = rowText(layout, columns, duckDbDialect, ({ cellType }, index) =>
    nullableCell(layout, cellType, `t${index}`, duckDbDialect),
  );
  const between = duckDbDialect.literal(layout.rowEnd + layout.between);
  return { layout, sql: `SELECT concat(${row}, ${between}) FROM (SELECT ${texts({ sql, columns }, options)})` };
}

/** A query that gives the rows with the types and names that a Parquet file has. */
export function parquetQuery({ sql, columns }: Described): string {
  const names = uniqueNames(columns.map(({ name }) => name));
  const values = columns.map((column, index) => `${column.parquet(`c${index}`)} AS ${quoteName(names[index]!)}`);
  return `SELECT ${values.join(", ")} FROM ${subquery({ sql, columns })}`;
}

function texts({ sql, columns }: Pick<Described, "sql" | "columns">, { bytes }: ResolvedRowFormatOptions): string {
  const list = columns.map((column, index) => `${column.text(`c${index}`, bytes)} AS t${index}`);
  return `${list.join(", ")} FROM ${subquery({ sql, columns })}`;
}

/** A comment at the statement's end ends with its line. */
function subquery({ sql, columns }: Pick<Described, "sql" | "columns">): string {
  return `(\n${sql}\n) AS q (${columns.map((_, index) => `c${index}`).join(", ")})`;
}
