import type { ReaderFailure } from "../readers/messages.ts";

/** What is answered where DuckDB's module is not there; undefined for any other error. */
export function missingDuckDb(error: unknown): ReaderFailure | undefined {
  if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") return undefined;
  return { kind: "failed", reason: "database", message: "DuckDB is not installed: npm install @duckdb/node-api" };
}
