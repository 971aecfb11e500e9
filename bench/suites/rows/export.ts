/** Whole exports: rows a second, and what they cost. */
import { CLIENT_CORES, measured, MIB, SERVER_CORES } from "../../harness/measure.ts";
import { peakPssBytes } from "../../harness/peak-memory.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Bench, Measurement, Metric, Row, Target, Workload } from "../../harness/types.ts";
import { checkRows, pathOf, rowsOf } from "./check.ts";

const TIMEOUT_MS = 300_000;

const METRICS: Metric[] = [
  { name: "rows", unit: "k/s", better: "higher" },
  { name: "cpu", unit: "s/M rows", better: "lower" },
  { name: "peak-pss", unit: "MiB", better: "lower" },
  SERVER_CORES,
  CLIENT_CORES,
];

async function measureExport(server: RunningServer, row: Row, { client }: Bench): Promise<Measurement> {
  const read = { path: pathOf(row), timeoutMs: TIMEOUT_MS };
  // The first one warms the server up, and is watched.
  let bytes = 0;
  const peak = await peakPssBytes(server, async () => {
    bytes = (await client.read(server.port, read)).bodyBytes;
  });
  const { result, cpuSeconds, common } = await measured(server, () => client.read(server.port, read));
  // Parquet's pages may be cut elsewhere.
  if (result.bodyBytes !== bytes && !row.path.endsWith(".parquet")) {
    throw new Error(`${result.bodyBytes} bytes arrived, not ${bytes}`);
  }
  return { ...ofRows(row, result.wallMs, cpuSeconds), "peak-pss": peak / MIB, ...common };
}

/** A command is run by its peer, which times it: no HTTP is between. */
async function measureCommand(server: RunningServer, row: Row): Promise<Measurement> {
  const run = async (): Promise<{ wallMs: number; cpuSeconds: number }> => {
    const response = await fetch(`${server.url}${row.path}?timed`);
    return (await response.json()) as { wallMs: number; cpuSeconds: number };
  };
  await run();
  const { wallMs, cpuSeconds } = await run();
  const cores = { [SERVER_CORES.name]: cpuSeconds / (wallMs / 1000), [CLIENT_CORES.name]: 0 };
  return { ...ofRows(row, wallMs, cpuSeconds), ...cores };
}

function ofRows(row: Row, wallMs: number, cpuSeconds: number): Measurement {
  const rows = rowsOf(row);
  return { rows: rows / wallMs, cpu: cpuSeconds / (rows / 1e6) };
}

const COMMANDS = ["sqlite3", "psql"];

function exportOf(
  name: string,
  { title, baseline, rows, targets }: Pick<Workload, "title" | "baseline" | "rows" | "targets">,
): Workload {
  return {
    name,
    title,
    metrics: METRICS,
    baseline,
    rows,
    targets,
    check: checkRows,
    measure: (server, row, bench) =>
      COMMANDS.includes(row.peer) ? measureCommand(server, row) : measureExport(server, row, bench),
  };
}

/** Everyone who exports SQLite's table as text. Slow peers send fewer rows. */
function sqliteRows(path: string): Row[] {
  return [
    { server: "sluice", peer: "sluice-rows", path },
    { server: "sqlite3", peer: "sqlite3", path },
    { server: "node", peer: "node-rows", path, share: 0.2 },
    { server: "fastapi", peer: "fastapi-rows", path, share: 0.02 },
  ];
}

const SQLITE_TARGETS: Target[] = [
  { metric: "rows", server: "sluice", factor: 1.2, ofBest: ["sqlite3"] },
  { metric: "rows", server: "sluice", factor: 3, ofBest: ["node"] },
];

export const sqliteCsv: Workload = exportOf("sqlite-csv", {
  title: "a table of SQLite's as CSV",
  baseline: "sqlite3",
  rows: sqliteRows("/sqlite.csv"),
  targets: SQLITE_TARGETS,
});

export const sqliteJson: Workload = exportOf("sqlite-ndjson", {
  title: "a table of SQLite's as JSON Lines",
  baseline: "sqlite3",
  rows: sqliteRows("/sqlite.ndjson"),
  targets: SQLITE_TARGETS,
});

export const postgresCsv: Workload = exportOf("postgres-csv", {
  title: "a table of PostgreSQL's as CSV",
  baseline: "psql",
  rows: [
    { server: "sluice", peer: "sluice-postgres", path: "/postgres.csv" },
    { server: "psql", peer: "psql", path: "/postgres.csv" },
    { server: "node", peer: "node-postgres", path: "/postgres.csv", share: 0.2 },
  ],
  targets: [
    { metric: "rows", server: "sluice", factor: 0.9, ofBest: ["psql"] },
    { metric: "rows", server: "sluice", factor: 2, ofBest: ["node"] },
    { metric: "cpu", server: "sluice", factor: 0.333, ofBest: ["node"] },
  ],
});

export const sqliteParquet: Workload = exportOf("sqlite-parquet", {
  title: "a table of SQLite's as Parquet",
  baseline: "node",
  rows: [
    { server: "sluice", peer: "sluice-rows", path: "/sqlite.parquet" },
    { server: "node", peer: "node-rows", path: "/sqlite.parquet", share: 0.2 },
  ],
  targets: [
    { metric: "rows", server: "sluice", factor: 3, ofBest: ["node"] },
    { metric: "peak-pss", server: "sluice", limit: 250 },
  ],
});
