import type { DatabaseSync } from "node:sqlite";
import type { ReaderTarget } from "../../readers/messages.ts";
import type { RowFormatRequest, RowLayout } from "../../row-format.ts";
import { ROW_FORMATS } from "../../row-formats.ts";
import { quoteName } from "../../sql-dialect.ts";
import type { Parameters } from "../../parameters.ts";
import { type SqliteColumn, columnsOf } from "./columns.ts";
import { MAX_NULL_BYTES, jsonToCsv } from "./json-to-csv.ts";
import { jsonToFeed, plainColumns } from "./json-to-feed.ts";
import { type Keyed, asExpression, columnNamesOf, isPaged, keyCandidates } from "./keyset.ts";
import { jsonSql, rowSql } from "./row-sql.ts";
import { UnknownTable, prepareOne } from "./statement.ts";

/** A query that has been described. */
export interface Described {
  readonly sql: string;
  readonly parameters: Parameters;
  readonly columns: readonly SqliteColumn[];
}

/**
 * How pages are read: a statement that gives `k`, the largest key, the number of rows, and their text, for `:sluice_rows` rows
 * from `:sluice_key` on.
 */
export interface PagePlan {
  readonly pageSql: string;
  /** The fast way, where there is one: a statement that gives JSON instead, and what makes the rows' text of it. */
  readonly json: { readonly pageSql: string; readonly toText: (json: Uint8Array) => Uint8Array } | undefined;
}

/** How the rows of a query are read. */
export interface QueryPlan {
  readonly layout: RowLayout;
  /** Undefined where the query has no key. */
  readonly pages: PagePlan | undefined;
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
  const utf8 = isUtf8(database);
  const lines = layout.rowEnd + layout.between;
  const keyed = keyCandidates(database, sql, columns).find((each) =>
    isPaged(database, sql, pageOf(each, row, lines, utf8)),
  );
  const json = jsonSql(columns, names, format);
  return {
    layout,
    pages: keyed && {
      pageSql: pageOf(keyed, row, lines, utf8),
      json: json === undefined ? undefined : jsonPages(keyed, json, columns, format, layout, utf8),
    },
    rowSql: `${asExpression(sql, names)} SELECT ${row} FROM q`,
  };
}

function jsonPages(
  keyed: Keyed,
  json: string,
  columns: readonly SqliteColumn[],
  { name }: RowFormatRequest,
  layout: RowLayout,
  utf8: boolean,
): PagePlan["json"] {
  if (name !== "csv" && name !== "parquet") {
    return { pageSql: pageOf(keyed, json, layout.rowEnd + layout.between, utf8), toText: (text) => text };
  }
  const bytes = { rowEnd: Buffer.from(layout.rowEnd), null: Buffer.from(layout.null) };
  if (bytes.null.length > MAX_NULL_BYTES) return undefined;
  const plain = plainColumns(columns);
  const write = (text: Uint8Array): number =>
    name === "csv" ? jsonToCsv(text, room, bytes) : jsonToFeed(text, room, plain);
  let room = Buffer.alloc(0);
  return {
    pageSql: pageOf(keyed, json, "\n", utf8),
    toText(text) {
      if (room.length < text.length) room = Buffer.allocUnsafe(text.length * 2);
      return room.subarray(0, write(text));
    },
  };
}

function pageOf({ expression, key }: Keyed, row: string, lines: string, utf8: boolean): string {
  const text = `group_concat(t, '${lines}')`;
  return (
    // As bytes it need not become a string here, which costs as much as making it.
    `${expression} SELECT max(k), count(*), ${utf8 ? `CAST(${text} AS BLOB)` : text} ` +
    `FROM (SELECT ${key} AS k, ${row} AS t FROM q WHERE ${key} >= :sluice_key ORDER BY ${key} LIMIT :sluice_rows)`
  );
}

function isUtf8(database: DatabaseSync): boolean {
  return database.prepare("PRAGMA encoding").get()?.["encoding"] === "UTF-8";
}
