/** How long a database is held by an export whose reader is slow. */
import type { RunningServer } from "../../harness/server.ts";
import type { Bench, Measurement, Workload } from "../../harness/types.ts";
import { checkRows } from "../rows/check.ts";
import { beginRun, runEnded } from "./run.ts";
import { type StopWatch, watchPostgres, watchSqlite } from "./watch-database.ts";

/** So many times as long as the database needs would the reader take. */
const SLOWER = 10;
/** The client's: it reads each 10 ms. */
const PACE_MS = 10;
const TIMEOUT_MS = 300_000;

type Watch = () => Promise<StopWatch>;

async function measureRun(server: RunningServer, path: string, { client }: Bench, watch: Watch): Promise<Measurement> {
  // The first one says how much there is, and how long it takes.
  const { length, heldMs } = await runEnded(server, await beginRun(server, path));
  const paceBytes = Math.max(1, Math.floor((length / (heldMs * SLOWER)) * PACE_MS));
  const stop = await watch();
  const startedAt = performance.now();
  const run = await beginRun(server, path);
  const reader = await client.hold(server.port, { path: run, paceBytes, timeoutMs: TIMEOUT_MS });
  const said = await runEnded(server, run);
  const madeMs = performance.now() - startedAt;
  const seen = await stop();
  const { bodyBytes } = await reader.tell();
  if (said.length !== length) throw new Error(`${said.length} bytes were made, not ${length}`);
  if (bodyBytes === 0 || bodyBytes > length / 2) throw new Error(`its reader had ${bodyBytes} bytes of ${length}`);
  return { held: seen.heldMs / 1000, said: said.heldMs / 1000, made: madeMs / 1000 };
}

/** A command is run by its peer, which times it. */
async function measureCommand(server: RunningServer, path: string, watch: Watch): Promise<Measurement> {
  const run = async (): Promise<{ wallMs: number }> => {
    const response = await fetch(`${server.url}${path}?timed`);
    return (await response.json()) as { wallMs: number };
  };
  await run();
  const stop = await watch();
  const { wallMs } = await run();
  const { heldMs } = await stop();
  return { held: heldMs / 1000, made: wallMs / 1000 };
}

interface Database {
  title: string;
  path: string;
  peer: string;
  command: string;
  watch: Watch;
}

function heldOf(name: string, { title, path, peer, command, watch }: Database): Workload {
  return {
    name,
    title: `${title} as a run whose reader takes ten times as long as the query, and as a file by ${command}`,
    metrics: [
      { name: "held", unit: "s", better: "lower" },
      { name: "said", unit: "s", better: "lower" },
      { name: "made", unit: "s", better: "lower" },
    ],
    baseline: command,
    rows: [
      { server: "sluice", peer, path },
      { server: command, peer: `${command}-file`, path },
    ],
    targets: [{ metric: "held", server: "sluice", factor: 1.2, ofBest: [command] }],
    check: checkRows,
    measure: (server, row, bench) =>
      row.server === command ? measureCommand(server, path, watch) : measureRun(server, path, bench, watch),
  };
}

export const postgresHeld: Workload = heldOf("postgres-held", {
  title: "a table of PostgreSQL's",
  path: "/postgres.csv",
  peer: "sluice-runs-postgres",
  command: "psql",
  watch: watchPostgres,
});

export const sqliteHeld: Workload = heldOf("sqlite-held", {
  title: "a table of SQLite's",
  path: "/sqlite.csv",
  peer: "sluice-runs",
  command: "sqlite3",
  watch: watchSqlite,
});
