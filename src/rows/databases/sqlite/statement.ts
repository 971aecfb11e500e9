import { DatabaseSync, type SQLInputValue, type StatementSync, constants } from "node:sqlite";
import type { ParameterValue, Parameters } from "../../parameters.ts";

/** How long a lock of a writer is waited for, in ms. */
const BUSY_TIMEOUT_MS = 2_000;

/** What a statement that reads needs leave for. */
const READING: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);
/** Pragmas that only tell something: full-text tables use the first, and we the others. */
const READING_PRAGMAS: ReadonlySet<string> = new Set([
  "data_version",
  "encoding",
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
/** What can stand within another statement: PRAGMA and EXPLAIN, which give rows, too, cannot. */
const QUERY = /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:SELECT|VALUES|WITH)\b/iu;

/** A statement that is not run, for a reason that its author can mend. */
export class RefusedStatement extends Error {
  readonly reason: "query" | "denied";

  constructor(message: string, reason: "query" | "denied" = "query") {
    super(message);
    this.reason = reason;
  }
}

export class UnknownTable extends Error {}

/** What one value, and the text of one page, may have at most, in bytes. */
export const MAX_VALUE_BYTES = 1_000_000_000;

/**
 * Opens a database that nothing can be written to, with the one read transaction of a query: the connection is read-only,
 * which still lets `VACUUM INTO` write another file, so an authorizer allows what reads, and nothing else.
 */
export function openReadOnly(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  // SQLite has no base64 in its core.
  database.function("sluice_base64", { deterministic: true, directOnly: true }, (bytes) =>
    Buffer.from(bytes as Uint8Array).toString("base64"),
  );
  database.exec("BEGIN");
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
 * @returns the statement's text, without the semicolon at its end
 * @throws RefusedStatement for several, and for one that gives no rows; errors as `node:sqlite` throws them
 */
export function prepareOne(database: DatabaseSync, sql: string): { statement: StatementSync; text: string } {
  if (NO_STATEMENT.test(sql)) throw new RefusedStatement("There is no statement in it");
  const statement = database.prepare(sql);
  // SQLite prepares the first statement, and leaves the others.
  if (!NO_STATEMENT.test(sql.slice(statement.sourceSQL.length))) {
    throw new RefusedStatement("A query is one statement; this one has more behind the first semicolon");
  }
  if (statement.columns().length === 0) throw new RefusedStatement("A query gives rows; this statement gives none");
  if (!QUERY.test(sql)) throw new RefusedStatement("A query is SELECT, VALUES or WITH … SELECT", "denied");
  return { statement, text: statement.sourceSQL.trimEnd().replace(/;$/u, "") };
}

/** Parameters as `node:sqlite` binds them: it takes every number for a real, and knows no booleans. */
export function toInputs(parameters: Parameters): Record<string, SQLInputValue> {
  const inputs: Record<string, SQLInputValue> = {};
  for (const [name, value] of Object.entries(parameters)) inputs[name] = toInput(value);
  return inputs;
}

function toInput(value: ParameterValue): SQLInputValue {
  if (typeof value === "boolean") return BigInt(value);
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}
