import { CLIENT_CORES, type Measured, measured, MIB, SERVER_CORES } from "../../harness/measure.ts";
import { peakPssBytes } from "../../harness/peak-memory.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Row, Workload } from "../../harness/types.ts";
import { checkRows } from "../rows/check.ts";
import { AS_IT_IS, beginRun, runEnded } from "./run.ts";
import { watchPostgres } from "./watch-database.ts";

const READERS = 100;
/** Of them, those who stop after their first bytes. */
const STALLED = 30;
const CHECKED_FROM = 1_000_000;
const QUIET_MS = 20_000;
const TIMEOUT_MS = 300_000;

/** All of the rows; and from somewhere in the middle, while they are made, the same as in the whole. */
async function check(server: RunningServer, row: Row): Promise<void> {
  await checkRows(server, row);
  const run = server.url + (await beginRun(server, row.path));
  const read = async (headers: Record<string, string>, status: number): Promise<Buffer> => {
    const response = await fetch(run, { headers: { ...AS_IT_IS, ...headers } });
    if (response.status !== status) throw new Error(`${run} answered ${response.status}, not ${status}`);
    return Buffer.from(await response.arrayBuffer());
  };
  const [whole, part] = await Promise.all([read({}, 200), read({ Range: `bytes=${CHECKED_FROM}-` }, 206)]);
  if (!part.equals(whole.subarray(CHECKED_FROM))) throw new Error(`${run} has other bytes from the middle on`);
}

/** What those have to get who do not stop. */
function bytesOf(length: number): number {
  let bytes = 0;
  for (let index = STALLED; index < READERS; index++) bytes += length - Math.floor((length * index) / READERS);
  return bytes;
}

export const hundredReaders: Workload = {
  name: "hundred-readers",
  title:
    "100 readers of one run of PostgreSQL's table, each from another byte on; 30 of them stop after their first bytes",
  metrics: [
    { name: "growth", unit: "MiB", better: "lower" },
    { name: "queries", unit: "count", better: "lower" },
    { name: "throughput", unit: "MiB/s", better: "higher" },
    SERVER_CORES,
    CLIENT_CORES,
  ],
  baseline: "sluice",
  rows: [{ server: "sluice", peer: "sluice-runs-postgres", path: "/postgres.csv" }],
  targets: [
    { metric: "growth", server: "sluice", limit: 64 },
    { metric: "queries", server: "sluice", limit: 1 },
  ],
  check,
  measure: async (server, { path }, { client }) => {
    const first = await beginRun(server, path);
    await client.read(server.port, { path: first, timeoutMs: TIMEOUT_MS });
    const { length } = await runEnded(server, first);
    await server.quiet(QUIET_MS);
    await server.collectGarbage();
    const idle = server.pssBytes();
    const stop = await watchPostgres();
    const wanted = { connections: READERS, spreadBytes: length, pauseAfter: 1, paused: STALLED, timeoutMs: TIMEOUT_MS };
    const work = async () => {
      const asked = Array.from({ length: READERS }, () => beginRun(server, `${path}?share=all`));
      const [run = "", ...others] = new Set(await Promise.all(asked));
      if (others.length > 0) throw new Error(`the readers were sent to ${others.length + 1} runs`);
      return client.read(server.port, { path: run, ...wanted });
    };
    let read: Measured | undefined;
    const peak = await peakPssBytes(server, async () => {
      read = await measured(server, work);
    });
    const { transactions } = await stop();
    const { result, common } = read!;
    if (result.completed !== READERS - STALLED || result.bodyBytes < bytesOf(length)) {
      throw new Error(`${result.completed} readers had ${result.bodyBytes} bytes`);
    }
    return {
      growth: (peak - idle) / MIB,
      queries: transactions,
      throughput: result.bodyBytes / MIB / (result.wallMs / 1000),
      ...common,
    };
  },
};
