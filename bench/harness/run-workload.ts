import type { FoundPeer } from "./peer.ts";
import { type RunningServer, startServer } from "./server.ts";
import { summarize, type Summary } from "./statistics.ts";
import type { Bench, Measurement, Row, Workload } from "./types.ts";

/** What became of one row: its summaries by metric, or why there are none. */
export interface RowResult {
  row: Row;
  summaries: Map<string, Summary>;
  failure?: string;
}

export interface RunOptions {
  bench: Bench;
  runs: number;
  folder: string;
  /** Told what is being run, for those who wait. */
  progress(text: string): void;
}

async function withServer<T>(peer: FoundPeer, folder: string, use: (server: RunningServer) => Promise<T>): Promise<T> {
  const server = await startServer(peer, folder);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/**
 * Checks every row once, then runs them in turn (A B C A B C), each run with a server of its own, so that a noisy minute
 * falls on all of them. A row that fails is left out of the rounds that follow; one whose peer is missing, of all.
 */
export async function runWorkload(
  workload: Workload,
  peers: Map<string, FoundPeer>,
  options: RunOptions,
): Promise<RowResult[]> {
  const entries = workload.rows.flatMap((row) => {
    const peer = peers.get(row.peer);
    const result: RowResult = { row, summaries: new Map() };
    return peer === undefined ? [] : [{ peer, result, runs: [] as Measurement[] }];
  });
  for (let round = 0; round <= options.runs; round++) {
    for (const { peer, result, runs } of entries) {
      if (result.failure !== undefined) continue;
      const { row } = result;
      const what = round === 0 ? "check" : `run ${round}/${options.runs}`;
      options.progress(`${workload.name}: ${row.server}, ${what}`);
      try {
        await withServer(peer, options.folder, async (server) => {
          if (round === 0) await workload.check(server, row);
          else runs.push(await workload.measure(server, row, options.bench));
        });
      } catch (error) {
        result.failure = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
  }
  for (const { result, runs } of entries) {
    if (runs.length === 0) continue;
    for (const { name } of workload.metrics) {
      result.summaries.set(name, summarize(runs.map((run) => run[name] ?? Number.NaN)));
    }
  }
  return entries.map(({ result }) => result);
}
