import { resolve } from "node:path";
import type { Hono } from "hono";
import type { RowDatabase } from "../../rows/row-query.ts";
import { ConfigError } from "../config/config-error.ts";
import { describeDatabase } from "../config/database-url.ts";
import type { Settings } from "../config/settings.ts";
import { openDatabase } from "../open-database.ts";
import { Catalog, type Exportable } from "./catalog.ts";
import { createExportRoutes } from "./export-routes.ts";
import { type RunPlace, openRunSpool } from "./open-run-spool.ts";
import type { ExportClocks, ExporterOptions } from "./exporter.ts";

/** What the server exports: of its database, or of the demo's. */
export interface Exports extends AsyncDisposable {
  readonly app: Hono;
  readonly database: RowDatabase;
  /** What there was when the server started. */
  readonly exportables: readonly Exportable[];
  readonly runs: RunPlace;
}

/**
 * Opens the database, and looks at what it has.
 *
 * @param demo - the demo's database, which is exported where the settings name none; it stays its owner's
 * @returns undefined where there is nothing to be exported
 * @throws ConfigError for what cannot work as it is set
 */
export async function openExports(
  settings: Settings,
  demo: RowDatabase | undefined,
  told: Pick<ExporterOptions, "onExport" | "onRefused">,
): Promise<Exports | undefined> {
  const { database: url, allowSql, maxRows, resumable, tables, queries, limits } = settings;
  if (url === undefined && demo === undefined) {
    if (allowSql) throw new ConfigError("--allow-sql needs a database: --database sqlite:PATH");
    if (queries.length > 0)
      throw new ConfigError("The queries of the configuration need a database: --database sqlite:PATH");
    return undefined;
  }
  const runs = await openRunSpool(settings);
  let database: RowDatabase | undefined;
  const dispose = async (): Promise<void> => {
    await runs[Symbol.asyncDispose]();
    if (url !== undefined) await database?.destroy();
  };
  try {
    database = url === undefined ? demo! : await openDatabase(url, limits);
    const catalog = await openCatalog(Catalog.open({ database, queries, tables }), url);
    const exportables = await catalog.list();
    const { spool } = runs;
    const clocks = clocksOf(settings);
    // Runs outlive the server: the next one may have another database.
    const source = url === undefined ? `demo:${resolve(settings.data)}` : describeDatabase(url);
    const app = createExportRoutes({ database, source, catalog, allowSql, maxRows, clocks, spool, resumable, ...told });
    return { app, database, exportables, runs: runs.place, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function openCatalog(opening: Promise<Catalog>, url: string | undefined): Promise<Catalog> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const which = url === undefined ? "of the demo" : describeDatabase(url);
    throw new ConfigError(`The database ${which} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function clocksOf({ limits }: Settings): ExportClocks {
  const { firstRowTimeoutMs, maxSnapshotAgeMs, stallTimeoutMs } = limits;
  return {
    ...(firstRowTimeoutMs === undefined ? {} : { firstRowTimeoutMs }),
    ...(maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }),
    ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
  };
}
