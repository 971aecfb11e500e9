import { type DuckDBConnection, type DuckDBPreparedStatement, StatementType } from "@duckdb/node-api";
import type { ParameterValue, Parameters } from "../../parameters.ts";
import type { ReaderTarget } from "../../readers/messages.ts";
import { type DuckDbColumn, columnOf, columnsOf } from "./columns.ts";
import { RefusedStatement } from "./failure.ts";
import { selectAll } from "./tables.ts";

/** A query that has been described. */
export interface Described {
  /** The statement, without a semicolon at its end, as it can stand in another's FROM. */
  readonly sql: string;
  readonly parameters: Parameters;
  readonly columns: readonly DuckDbColumn[];
}

/** What is not SQL in SQL, and what stands for a value. `::` is a cast. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]]*\]|::|:([\p{L}_][\p{L}\p{N}_]*)/gu;
/** Nothing but blanks, comments and semicolons. */
const NO_STATEMENT = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$))*$/u;

/** @throws RefusedStatement, UnknownTable; what DuckDB says of the statement */
export async function describeTarget(connection: DuckDBConnection, target: ReaderTarget): Promise<Described> {
  if ("table" in target) {
    const sql = await selectAll(connection, target.table);
    return { sql, parameters: {}, columns: columnsOf(await connection.prepare(sql))! };
  }
  const { parameters } = target;
  const sql = toDuckDb(target.sql);
  const columns = columnsOf(await prepareOne(connection, sql));
  if (columns) return { sql, parameters, columns };
  // Of which type a column is depends on a value. With it DuckDB knows, and finds itself that there are no rows to be read.
  const statement = await prepareWith(connection, `SELECT * FROM (\n${sql}\n) LIMIT 0`, parameters);
  const result = await statement.run();
  return {
    sql,
    parameters,
    columns: result.columnNames().map((name, index) => columnOf(name, result.columnType(index))),
  };
}

/** Prepares a statement with values for its parameters. */
export async function prepareWith(
  connection: DuckDBConnection,
  sql: string,
  parameters: Parameters,
): Promise<DuckDBPreparedStatement> {
  const statement = await connection.prepare(sql);
  for (let index = 1; index <= statement.parameterCount; index++) {
    bind(statement, index, parameters[statement.parameterName(index)] ?? null);
  }
  return statement;
}

async function prepareOne(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  if (NO_STATEMENT.test(sql)) throw new RefusedStatement("There is no statement in it", "query");
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) {
    throw new RefusedStatement("A query is one statement; this one has more behind the first semicolon", "query");
  }
  const statement = await statements.prepare(0);
  if (statement.statementType !== StatementType.SELECT) {
    throw new RefusedStatement("A query only reads: it is SELECT, FROM, VALUES or WITH … SELECT", "denied");
  }
  return statement;
}

/** The statement with its parameters as DuckDB has them, without semicolons at its end. */
function toDuckDb(sql: string): string {
  const last = sql
    .replace(TOKENS, (token) => (/^(?:--|\/\*)/u.test(token) ? " ".repeat(token.length) : token))
    .trimEnd();
  const end = last.endsWith(";") ? last.replace(/[;\s]+$/u, "").length : sql.length;
  return sql.slice(0, end).replace(TOKENS, (token, name?: string) => (name === undefined ? token : `$${name}`));
}

function bind(statement: DuckDBPreparedStatement, index: number, value: ParameterValue): void {
  if (value === null) return statement.bindNull(index);
  if (value instanceof Uint8Array) return statement.bindBlob(index, value);
  switch (typeof value) {
    case "boolean":
      return statement.bindBoolean(index, value);
    case "bigint":
      return isInt64(value) ? statement.bindBigInt(index, value) : statement.bindHugeInt(index, value);
    case "number":
      return Number.isSafeInteger(value)
        ? statement.bindBigInt(index, BigInt(value))
        : statement.bindDouble(index, value);
    default:
      return statement.bindVarchar(index, value);
  }
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}
