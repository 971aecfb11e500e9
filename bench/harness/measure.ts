/** What every workload measures alike: the server's CPU time and memory while a client runs. */
import type { ReadResult } from "./client.ts";
import type { RunningServer } from "./server.ts";
import type { Measurement, Metric } from "./types.ts";

export const MIB = 1024 * 1024;

const PEAK_RSS: Metric = { name: "peak-rss", unit: "MiB", better: "lower" };
const RSS_GROWTH: Metric = { name: "rss-growth", unit: "MiB", better: "lower" };

/** CPU seconds per second of the run: which side was at its limit. Never compared. */
export const SERVER_CORES: Metric = { name: "server-cores", unit: "cores", better: "lower" };
export const CLIENT_CORES: Metric = { name: "client-cores", unit: "cores", better: "lower" };

export const COMMON_METRICS: Metric[] = [PEAK_RSS, RSS_GROWTH, SERVER_CORES, CLIENT_CORES];

export interface Measured {
  result: ReadResult;
  cpuSeconds: number;
  /** How far the peak rose above the RSS at the start. */
  peakGrowthBytes: number;
  /** The numbers of {@link COMMON_METRICS}. */
  common: Measurement;
}

/** Runs `work` and measures the server meanwhile. Garbage is not collected: growth is what an operator would see. */
export async function measured(server: RunningServer, work: () => Promise<ReadResult>): Promise<Measured> {
  server.resetPeak();
  const before = server.usage();
  const startedAt = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = server.usage();
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    result,
    cpuSeconds,
    peakGrowthBytes: after.peakBytes - before.rssBytes,
    common: {
      [PEAK_RSS.name]: after.peakBytes / MIB,
      [RSS_GROWTH.name]: (after.rssBytes - before.rssBytes) / MIB,
      [SERVER_CORES.name]: cpuSeconds / seconds,
      [CLIENT_CORES.name]: result.cpuMs / 1000 / seconds,
    },
  };
}
