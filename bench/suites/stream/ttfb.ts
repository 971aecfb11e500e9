import { checkStart } from "../../harness/check.ts";
import { COMMON_METRICS, measured } from "../../harness/measure.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Workload } from "../../harness/types.ts";
import { rowsFor } from "./rows.ts";

const CONNECTIONS = 100;

/** 400 kB/s a reader: all of them together are far from what any server can send. */
const SLOW = { path: "/endless", paceBytes: 4096, lingerMs: 300 };

export const ttfb: Workload = {
  name: "ttfb",
  title: "first body byte of endless streams, 100 connections opened at once: one line and then nothing; slow readers",
  metrics: [
    { name: "line-p50", unit: "ms", better: "lower" },
    { name: "line-p95", unit: "ms", better: "lower" },
    { name: "slow-p50", unit: "ms", better: "lower" },
    { name: "slow-p95", unit: "ms", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: rowsFor("/ticks", { sluice: 1, node: 1, hono: 1, fastify: 1, h3: 1, express: 1, fastapi: 1 }),
  targets: ["line-p50", "line-p95", "slow-p50", "slow-p95"].map((metric) => ({
    metric,
    server: "sluice",
    factor: 1,
    ofBest: ["node"],
  })),
  check: (server, row) => checkStart(server, row, Buffer.from("tick\n")),
  measure: async (server, row, { client, quick }) => {
    const line = { path: row.path, connections: CONNECTIONS, lingerMs: 0 };
    await client.read(server.port, { ...line, rounds: 10 });
    const lines = await measured(server, () => client.read(server.port, { ...line, rounds: quick ? 10 : 30 }));
    const slow = await client.read(server.port, { ...SLOW, connections: CONNECTIONS, rounds: quick ? 2 : 8 });
    return {
      "line-p50": quantile(lines.result.firstByteMs, 0.5),
      "line-p95": quantile(lines.result.firstByteMs, 0.95),
      "slow-p50": quantile(slow.firstByteMs, 0.5),
      "slow-p95": quantile(slow.firstByteMs, 0.95),
      ...lines.common,
    };
  },
};
