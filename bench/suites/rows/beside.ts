/** What two exports do to everything else in the process. */
import { CLIENT_CORES, measured, SERVER_CORES } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Row, Target, Workload } from "../../harness/types.ts";
import { checkRows } from "./check.ts";

const TIMEOUT_MS = 300_000;
const FEW_EVENTS = 20;

interface Watch {
  /** How late the events were so far that were due at the time they tell, in ms. */
  lateMs: number[];
  stop(): Promise<void>;
}

async function watchTicks(server: RunningServer): Promise<Watch> {
  const lateMs: number[] = [];
  const leaving = new AbortController();
  const response = await fetch(`${server.url}/ticks`, { signal: leaving.signal });
  const read = async (): Promise<void> => {
    let rest = "";
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      const now = Date.now();
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) lateMs.push(now - Number(line.slice(6)));
    }
  };
  const reading = read().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error;
  });
  const stop = async (): Promise<void> => {
    leaving.abort();
    await reading;
  };
  return { lateMs, stop };
}

/** The 99th percentile of the event loop's delay since it was last asked for, in ms. */
async function takeDelay(server: RunningServer): Promise<number> {
  const response = await fetch(`${server.url}/delay`);
  return ((await response.json()) as { p99: number }).p99;
}

const ROWS: Row[] = [
  { server: "sluice-csv", peer: "sluice-rows", path: "/sqlite.csv" },
  { server: "sluice-parquet", peer: "sluice-rows", path: "/sqlite.parquet" },
  { server: "sluice-postgres", peer: "sluice-postgres", path: "/postgres.csv" },
];

export const beside: Workload = {
  name: "beside",
  title: "an event each 10 ms beside two exports of a table",
  metrics: [
    { name: "loop-p99", unit: "ms", better: "lower" },
    { name: "late-p99", unit: "ms", better: "lower" },
    SERVER_CORES,
    CLIENT_CORES,
  ],
  baseline: "sluice-csv",
  rows: ROWS,
  targets: ROWS.flatMap(({ server }): Target[] => [
    { metric: "loop-p99", server, limit: 20 },
    { metric: "late-p99", server, limit: 50 },
  ]),
  check: checkRows,
  measure: async (server, { path }, { client }) => {
    await client.read(server.port, { path, timeoutMs: TIMEOUT_MS });
    const watch = await watchTicks(server);
    await takeDelay(server);
    const skipped = watch.lateMs.length;
    const { common } = await measured(server, () =>
      client.read(server.port, { path, connections: 2, timeoutMs: TIMEOUT_MS }),
    );
    const loop = await takeDelay(server);
    const late = watch.lateMs.slice(skipped);
    await watch.stop();
    if (late.length < FEW_EVENTS) throw new Error(`only ${late.length} events arrived`);
    return { "loop-p99": loop, "late-p99": quantile(late, 0.99), ...common };
  },
};
