import { describeDatabase } from "./config/database-url.ts";
import type { Settings } from "./config/settings.ts";
import type { Exportable } from "./exports/catalog.ts";
import { exportTarget } from "./exports/export-name.ts";
import type { RunPlace } from "./exports/open-run-spool.ts";

/** More than that are in `/tables`. */
const MAX_LISTED = 20;

/** What the server exports, for whoever has started it. @param origin - its address, without a slash at the end */
export function describeExports(
  origin: string,
  settings: Settings,
  exportables: readonly Exportable[],
  runs: RunPlace,
): string {
  const { database, allowSql } = settings;
  const lines = exportables.slice(0, MAX_LISTED).map((exportable) => `  ${describe(origin, exportable)}\n`);
  const more = exportables.length - lines.length;
  const listed = lines.length === 0 ? "  nothing: there is no table or query that may be exported\n" : lines.join("");
  const missing = missingTables(settings, exportables);
  return [
    `${origin}/tables lists what is exported${database === undefined ? "" : ` of ${describeDatabase(database)}`}:\n`,
    listed,
    more > 0 ? `  and ${more} more\n` : "",
    missing.length > 0 ? `  (tables of the configuration that are not there: ${missing.join(", ")})\n` : "",
    `  ${origin}/exports lists runs, which are kept in ${describePlace(runs)}\n`,
    allowSql ? `  ${origin}/query takes any statement that reads (--allow-sql)\n` : "",
  ].join("");
}

function describePlace({ folder, temporary }: RunPlace): string {
  return temporary === undefined ? folder : `a temporary folder: ${temporary}`;
}

function describe(origin: string, exportable: Exportable): string {
  if ("query" in exportable) {
    const { name, parameters, formats } = exportable.query;
    const names = [...parameters.keys()].map((parameter) => `${parameter}=…`).join("&");
    return `${origin}${exportTarget(name, formats?.[0] ?? "csv")}${names === "" ? "" : `?${names}`}  a query`;
  }
  const { name, kind, estimatedRows } = exportable.table;
  const about = estimatedRows === undefined ? "" : `, rows: about ${estimatedRows.toLocaleString("en-US")}`;
  return `${origin}${exportTarget(name, "csv")}  a ${kind}${about}`;
}

function missingTables({ tables }: Settings, exportables: readonly Exportable[]): string[] {
  if (typeof tables === "boolean") return [];
  const there = new Set(
    exportables.map((exportable) => ("table" in exportable ? exportable.table : exportable.query).name),
  );
  return tables.filter((name) => !there.has(name));
}
