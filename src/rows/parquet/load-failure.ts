import type { ReaderFailure } from "../readers/messages.ts";

/** What is answered where DuckDB's module could not be loaded, which is nobody's duty to have. */
export function loadFailure(error: unknown): ReaderFailure {
  const { code } = error as NodeJS.ErrnoException;
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  const message = isMissing
    ? "DuckDB is not installed: npm install @duckdb/node-api"
    : `DuckDB failed: ${String(error)}`;
  return { kind: "failed", reason: "database", message };
}
