import { COMMON_METRICS, measured, MIB } from "../../harness/measure.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Workload } from "../../harness/types.ts";
import { check, rowsFor } from "./rows.ts";

const PATH = "/1k.bin";
const TIMEOUT_MS = 180_000;

export const mixed: Workload = {
  name: "mixed",
  title: "a file of 1 KiB, asked for again and again on one connection, while eight others pull a file of 2 GiB",
  metrics: [
    { name: "p50", unit: "ms", better: "lower" },
    { name: "p99", unit: "ms", better: "lower" },
    { name: "downloads", unit: "MiB/s", better: "higher" },
    ...COMMON_METRICS,
  ],
  baseline: "nginx",
  rows: rowsFor(PATH),
  targets: [{ metric: "p99", server: "sluice", factor: 2, ofBest: ["nginx"] }],
  check,
  measure: async (server, { share = 1 }, { client, quick }) => {
    const small = { path: PATH, requestTimes: true, timeoutMs: TIMEOUT_MS };
    await client.read(server.port, { ...small, connections: 10, requests: 100 });
    let requestMs: number[] = [];
    let downloads = 0;
    const { common } = await measured(server, async () => {
      // More than they can read before they are told to leave.
      const large = { path: "/large.bin", connections: 8, requests: 10_000, timeoutMs: TIMEOUT_MS };
      const readers = await client.hold(server.port, large);
      const { requestMs: times } = await client.read(server.port, {
        ...small,
        requests: Math.round((quick ? 500 : 5000) * share),
      });
      requestMs = times;
      const result = await readers.tell();
      downloads = result.bodyBytes / MIB / (result.wallMs / 1000);
      return result;
    });
    return { p50: quantile(requestMs, 0.5), p99: quantile(requestMs, 0.99), downloads, ...common };
  },
};
