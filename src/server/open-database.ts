import { statSync } from "node:fs";
import type { RowDatabase } from "../rows/row-query.ts";
import { ConfigError } from "./config/config-error.ts";
import type { ExportLimits } from "./config/config-schema.ts";
import { parseDatabaseUrl } from "./config/database-url.ts";

/** What a database takes of the limits; those that are left are a response's. */
type DatabaseLimits = Pick<ExportLimits, "maxQueries" | "maxQueriesPerCaller" | "maxWaitMs" | "statementTimeoutMs">;

/**
 * Opens a database by its URL. A driver is loaded when it is needed.
 *
 * @throws ConfigError for a URL that is none, limits that the database does not have
 */
export async function openDatabase(url: string, limits: DatabaseLimits): Promise<RowDatabase> {
  const parsed = parseDatabaseUrl(url);
  const { maxQueries, maxQueriesPerCaller, maxWaitMs, statementTimeoutMs } = limits;
  const slots = { maxQueries, maxQueriesPerCaller, maxWaitMs };
  if (statementTimeoutMs !== undefined && parsed.scheme !== "postgres") {
    throw new ConfigError("limits.statementTimeoutMs is PostgreSQL's: for others there is limits.maxSnapshotAgeMs");
  }
  switch (parsed.scheme) {
    case "sqlite": {
      const { sqlite } = await import("../rows/databases/sqlite.ts");
      // Nobody is to wait for a process to start.
      return sqlite(parsed.path, { ...slots, warmReaders: 1 });
    }
    case "duckdb": {
      const { duckdb } = await import("../rows/databases/duckdb.ts");
      return isFolder(parsed.path) ? duckdb("", { ...slots, root: parsed.path }) : duckdb(parsed.path, slots);
    }
    case "postgres": {
      const { postgres } = await import("../rows/databases/postgres.ts");
      return postgres(parsed.url, { ...slots, statementTimeoutMs });
    }
  }
}

/** A folder instead of a database: its files are what queries read. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
