import type { DatabaseSync } from "node:sqlite";
import type { SqliteColumn } from "./columns.ts";

/** Strings and comments: nothing in them is SQL. Names in quotes are looked for, and stay. */
const NOT_SQL = /'(?:[^']|'')*'|("(?:[^"]|"")*")|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/gu;
/** `SELECT … FROM one_table [AS alias] [WHERE …]`, and nothing else. */
const ONE_TABLE =
  /^\s*SELECT\s(?<list>[^;]*?)\sFROM\s+(?<table>[\w$".]+)(?:\s+(?:AS\s+)?(?!WHERE\b)(?<alias>[\w$"]+))?(?:\s+WHERE\b[^;]*)?\s*$/iu;
const MORE_THAN_ONE =
  /\b(?:SELECT|FROM|JOIN|UNION|INTERSECT|EXCEPT|DISTINCT|ALL|GROUP|HAVING|LIMIT|ORDER|WINDOW|OVER)\b/iu;

/** A query seldom has more than one column that is a key. */
const MAX_CANDIDATES = 4;

/** A query whose rows can be read in pages, each from where the last one ended. */
export interface Keyed {
  /** The common table expression `q`. */
  readonly expression: string;
  /** Its column that has the key: an integer, of which no two rows have the same. */
  readonly key: string;
}

/** The names of the columns of a query within ours. */
export function columnNamesOf(columns: readonly SqliteColumn[]): string[] {
  return columns.map((_, index) => `c${index}`);
}

/** A query as a common table expression with names of ours: its own may occur twice, or not be names at all. */
export function asExpression(sql: string, columnNames: readonly string[]): string {
  // The statement may end in a comment.
  return `WITH q (${columnNames.join(", ")}) AS (${sql}\n)`;
}

/**
 * The ways in which a query may have a key that SQLite finds its rows by: the table's rowid, put before its columns; or a
 * column that is one. Whether it is so, SQLite's plan says: see {@link isPaged}.
 */
export function keyCandidates(database: DatabaseSync, sql: string, columns: readonly SqliteColumn[]): Keyed[] {
  const masked = mask(sql);
  // In pages the order is the key's.
  if (isOrdered(masked, viewsOf(database))) return [];
  const names = columnNamesOf(columns);
  const withRowid = putRowidFirst(sql, masked);
  const keys = names.filter(
    (_, index) => columns[index]!.isStored && /^integer$/iu.test(columns[index]!.declared ?? ""),
  );
  return [
    ...(withRowid === undefined ? [] : [{ expression: asExpression(withRowid, ["k", ...names]), key: "k" }]),
    ...keys.slice(0, MAX_CANDIDATES).map((key) => ({ expression: asExpression(sql, names), key })),
  ];
}

/** The statement with blanks for comments and apostrophes for strings, each as long as it was. */
function mask(sql: string): string {
  return sql.replace(NOT_SQL, (text, name?: string) => name ?? (text.startsWith("'") ? "'" : " ").repeat(text.length));
}

/** The views of a database: their names, in lower case, and their statements. */
function viewsOf(database: DatabaseSync): Map<string, string> {
  const rows = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view'").all();
  return new Map(rows.map(({ name, sql }) => [String(name).toLowerCase(), mask(String(sql))]));
}

/** Whether an order is asked for, in the statement or in a view that it may read. */
function isOrdered(masked: string, views: Map<string, string>): boolean {
  const reached = new Set([masked]);
  for (const statement of reached) {
    if (/\bORDER\b/iu.test(statement)) return true;
    const text = statement.toLowerCase();
    for (const [name, view] of views) if (text.includes(name)) reached.add(view);
  }
  return false;
}

function putRowidFirst(sql: string, masked: string): string | undefined {
  const match = ONE_TABLE.exec(masked);
  if (!match || MORE_THAN_ONE.test(masked.replace(/\bSELECT\b/iu, "").replace(/\bFROM\b/iu, ""))) return undefined;
  const { list, alias, table } = match.groups as { list: string; table: string; alias?: string };
  const listAt = masked.indexOf(list, masked.search(/\bSELECT\b/iu) + "SELECT".length);
  const named = alias ?? table;
  const namedAt = masked.indexOf(
    named,
    listAt + list.length + " FROM".length + (alias === undefined ? 0 : table.length),
  );
  const name = sql.slice(namedAt, namedAt + named.length);
  return `${sql.slice(0, listAt)} ${name}.rowid, ${sql.slice(listAt)}`;
}

/**
 * Whether SQLite reads a page by going to its key, and on from there, with no other work; and by the index that it would use
 * for the query itself, if any: to find few rows by an index beats to look at all of them in pages.
 */
export function isPaged(database: DatabaseSync, sql: string, pageSql: string): boolean {
  const plan = planOf(database, pageSql);
  const whole = planOf(database, sql);
  if (plan?.length !== 3 || whole?.length !== 1) return false;
  const [outer, search, scan] = plan as [string, string, string];
  const index = /^SEARCH .* USING (?:COVERING )?INDEX (\S+)/u.exec(whole[0]!)?.[1];
  const by = index === undefined ? "INTEGER PRIMARY KEY" : `INDEX ${index}`;
  return (
    outer.startsWith("CO-ROUTINE") &&
    search.startsWith("SEARCH ") &&
    search.includes(` ${by} (`) &&
    /\browid>\?/u.test(search) &&
    scan.startsWith("SCAN")
  );
}

function planOf(database: DatabaseSync, sql: string): string[] | undefined {
  try {
    return database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
  } catch {
    // A table without a rowid, for example.
    return undefined;
  }
}
