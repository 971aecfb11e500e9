import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Hono } from "hono";
import { type RunningServer, serve } from "../../src/node/index.ts";
import type { ConfigFile } from "../../src/server/config/config-schema.ts";
import { toNamedQueries } from "../../src/server/config/named-queries.ts";
import type { Settings } from "../../src/server/config/settings.ts";
import { createApp } from "../../src/server/app.ts";
import { openExports } from "../../src/server/exports/open-exports.ts";
import type { ExporterOptions } from "../../src/server/exports/exporter.ts";
import type { RunPlace } from "../../src/server/exports/open-run-spool.ts";

/** A database whose tables have whatever names there are. */
const SCHEMA = `
  CREATE TABLE orders (id INTEGER PRIMARY KEY, day TEXT, amount REAL, note TEXT);
  INSERT INTO orders VALUES (1, '2026-01-01', 1.5, 'a'), (2, '2026-01-02', 2.5, NULL), (3, '2026-02-01', 3, '');
  CREATE TABLE "data.csv" (x INTEGER); INSERT INTO "data.csv" VALUES (1);
  CREATE TABLE "a/b ""c""?" (y INTEGER); INSERT INTO "a/b ""c""?" VALUES (9);
  CREATE VIEW totals AS SELECT count(*) AS n FROM orders;
  ANALYZE;
`;

export function makeDatabase(path: string, sql: string = SCHEMA): string {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
  return path;
}

export interface ExportServer extends AsyncDisposable {
  readonly url: string;
  readonly runs: RunPlace;
}

/** The server's routes for a database, by what a configuration file would say. */
export async function serveExports(
  config: ConfigFile & { readonly database: string; readonly data?: string },
  told: Pick<ExporterOptions, "onExport" | "onRefused"> = {},
): Promise<ExportServer> {
  // Runs of one server must not be another's.
  const own = config.data === undefined ? mkdtempSync(join(tmpdir(), "sluice-data-")) : undefined;
  const exports = await openExports(toSettings({ data: own!, ...config }), undefined, told);
  const app: Hono = createApp({ exports: exports!.app });
  const server: RunningServer = await serve((request) => app.fetch(request), { port: 0 });
  return {
    url: server.url,
    runs: exports!.runs,
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await exports![Symbol.asyncDispose]();
      if (own !== undefined) rmSync(own, { recursive: true });
    },
  };
}

function toSettings({
  queries = {},
  database,
  allowSql = false,
  maxRows,
  tables = true,
  spool,
  log,
  resumable = false,
  limits = {},
  data,
}: ConfigFile & { readonly data: string }): Settings {
  const named = toNamedQueries(queries, []);
  return {
    port: 0,
    host: "127.0.0.1",
    files: undefined,
    database,
    allowSql,
    maxRows,
    data,
    spool,
    log,
    resumable,
    tables,
    queries: named,
    limits,
  };
}

/** What an answer with an error's status says. */
export async function problemOf(response: Response): Promise<[status: number, detail: unknown]> {
  const { detail } = (await response.json()) as { detail?: unknown };
  return [response.status, detail];
}
