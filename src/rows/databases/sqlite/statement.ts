import { DatabaseSync, type SQLInputValue, type StatementSync, constants } from "node:sqlite";
import type { RowValue } from "../../row-format.ts";
import type { Parameters } from "../../parameters.ts";
import type { Column } from "../../row-query.ts";

/** How long a lock of a writer is waited for, in ms. */
const BUSY_TIMEOUT_MS = 2_000;

/** What a statement that reads needs leave for. */
const READING: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);
/** Pragmas that only tell something; full-text tables use the first. */
const READING_PRAGMAS: ReadonlySet<string> = new Set([
  "data_version",
  "foreign_key_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "table_info",
  "table_list",
  "table_xinfo",
]);
/** Nothing but blanks, comments and semicolons. */
const NO_STATEMENT = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$))*$/u;

/** A statement that is not run, for a reason that its author can mend. */
export class RefusedStatement extends Error {}

/**
 * Opens a database that nothing can be written to: the connection is read-only, which still lets `VACUUM INTO` write
 * another file, so an authorizer allows what reads, and nothing else.
 */
export function openReadOnly(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  database.setAuthorizer((action, name) => {
    const reads =
      READING.has(action) ||
      (action === constants.SQLITE_PRAGMA && name !== null && READING_PRAGMAS.has(name.toLowerCase()));
    return reads ? constants.SQLITE_OK : constants.SQLITE_DENY;
  });
  return database;
}

/**
 * Prepares the one statement in `sql`.
 *
 * @throws RefusedStatement for several, and for one that gives no rows; errors as `node:sqlite` throws them
 */
export function prepareOne(database: DatabaseSync, sql: string): { statement: StatementSync; columns: Column[] } {
  if (NO_STATEMENT.test(sql)) throw new RefusedStatement("There is no statement in it");
  const statement = database.prepare(sql);
  // SQLite prepares the first statement, and leaves the others.
  if (!NO_STATEMENT.test(sql.slice(statement.sourceSQL.length))) {
    throw new RefusedStatement("A query is one statement; this one has more behind the first semicolon");
  }
  const columns = statement.columns().map(({ name, type }) => ({ name, type: type ?? undefined }));
  if (columns.length === 0) throw new RefusedStatement("A query gives rows; this statement gives none");
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return { statement, columns };
}

/** The rows, each as an array in the order of the columns. */
export function iterate(statement: StatementSync, parameters: Parameters): Iterable<readonly RowValue[]> {
  const values: Record<string, SQLInputValue> = {};
  for (const [name, value] of Object.entries(parameters)) values[name] = toInput(value);
  return statement.iterate(values) as Iterable<unknown> as Iterable<readonly RowValue[]>;
}

/** `node:sqlite` takes every number for a real, and 5 would become the text "5.0"; booleans it doesn't know. */
function toInput(value: RowValue): SQLInputValue {
  if (typeof value === "boolean") return BigInt(value);
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}
