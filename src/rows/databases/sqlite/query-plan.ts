import type { DatabaseSync } from "node:sqlite";
import type { ReaderTarget } from "../../readers/messages.ts";
import type { RowFormatRequest, RowLayout } from "../../row-format.ts";
import { ROW_FORMATS } from "../../row-formats.ts";
import { quoteName } from "../../sql-dialect.ts";
import type { Parameters } from "../../parameters.ts";
import { type SqliteColumn, columnsOf } from "./columns.ts";
import { type Keyed, asExpression, columnNamesOf, isPaged, keyCandidates } from "./keyset.ts";
import { rowSql } from "./row-sql.ts";
import { UnknownTable, prepareOne } from "./statement.ts";

/** A query that has been described. */
export interface Described {
  readonly sql: string;
  readonly parameters: Parameters;
  readonly columns: readonly SqliteColumn[];
}

/** How its rows are read. */
export interface QueryPlan {
  readonly layout: RowLayout;
  /**
   * A statement that gives `k`, the largest key, the number of rows, and their text, for `:sluice_rows` rows from
   * `:sluice_key` on; undefined where the query has no key.
   */
  readonly pageSql: string | undefined;
  /** A statement that gives the text of each row. */
  readonly rowSql: string;
}

/** @throws UnknownTable, RefusedStatement; what SQLite says of the statement */
export function describeTarget(database: DatabaseSync, target: ReaderTarget): Described {
  if ("sql" in target) {
    const { statement, text } = prepareOne(database, target.sql);
    return { sql: text, parameters: target.parameters, columns: columnsOf(statement) };
  }
  const known = database
    .prepare("SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ? AND type <> 'shadow'")
    .get(target.table);
  if (!known) throw new UnknownTable(`There is no table of the name ${target.table}`);
  const sql = `SELECT * FROM main.${quoteName(target.table)}`;
  return { sql, parameters: {}, columns: columnsOf(prepareOne(database, sql).statement) };
}

export function planQuery(database: DatabaseSync, { sql, columns }: Described, format: RowFormatRequest): QueryPlan {
  const layout = ROW_FORMATS[format.name].layout!(columns, format.options);
  const names = columnNamesOf(columns);
  const row = rowSql(columns, names, layout, format);
  const paged = keyCandidates(database, sql, columns)
    .map((keyed) => pageOf(keyed, row, layout, isUtf8(database)))
    .find((page) => isPaged(database, sql, page));
  return { layout, pageSql: paged, rowSql: `${asExpression(sql, names)} SELECT ${row} FROM q` };
}

function pageOf({ expression, key }: Keyed, row: string, { rowEnd, between }: RowLayout, utf8: boolean): string {
  const text = `group_concat(t, '${rowEnd}${between}')`;
  return (
    // As bytes it need not become a string here, which costs as much as making it.
    `${expression} SELECT max(k), count(*), ${utf8 ? `CAST(${text} AS BLOB)` : text} ` +
    `FROM (SELECT ${key} AS k, ${row} AS t FROM q WHERE ${key} >= :sluice_key ORDER BY ${key} LIMIT :sluice_rows)`
  );
}

function isUtf8(database: DatabaseSync): boolean {
  return database.prepare("PRAGMA encoding").get()?.["encoding"] === "UTF-8";
}
