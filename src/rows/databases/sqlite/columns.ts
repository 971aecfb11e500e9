import type { StatementSync } from "node:sqlite";
import type { Column, ColumnType } from "../../column.ts";

/** A column, and whether it is a table's: an expression's values may be what a table never has, text that is marked as JSON. */
export interface SqliteColumn extends Column {
  readonly isStored: boolean;
}

export function columnsOf(statement: StatementSync): SqliteColumn[] {
  return statement.columns().map(({ name, type, column }) => ({
    name,
    type: typeOf(type),
    declared: type ?? undefined,
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
