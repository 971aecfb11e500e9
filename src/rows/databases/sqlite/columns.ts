import type { StatementSync } from "node:sqlite";
import type { Column, ColumnType } from "../../column.ts";

/** A column, and what its values are expected to be: SQLite lets any value be in (almost) any column. */
export interface SqliteColumn extends Column {
  /** `unknown` where nothing is declared, or nothing that says it. */
  readonly expected: "number" | "text" | "unknown";
  /** Whether it is a table's: an expression's values may be what a table never has (text that is marked as JSON). */
  readonly isStored: boolean;
}

export function columnsOf(statement: StatementSync): SqliteColumn[] {
  return statement.columns().map(({ name, type, column }) => ({
    name,
    type: typeOf(type),
    declared: type ?? undefined,
    expected: column === null ? "unknown" : expectationOf(type),
    isStored: column !== null,
  }));
}

/** By the rules of sqlite.org/datatype3.html §3.1. What has NUMERIC affinity may be anything, and is `dynamic`. */
export function typeOf(declared: string | null): ColumnType {
  const name = (declared ?? "").toUpperCase();
  if (name.includes("INT")) return "int64";
  if (/CHAR|CLOB|TEXT/u.test(name)) return "text";
  if (name.includes("BLOB")) return "bytes";
  if (/REAL|FLOA|DOUB/u.test(name)) return "float64";
  return "dynamic";
}

function expectationOf(declared: string | null): SqliteColumn["expected"] {
  const type = typeOf(declared);
  if (type === "int64" || type === "float64") return "number";
  if (type === "text" || /DATE|TIME/iu.test(declared ?? "")) return "text";
  return /^(?:NUMERIC|DECIMAL|BOOL|MONEY)/iu.test(declared ?? "") ? "number" : "unknown";
}
