import { setTimeout as wait } from "node:timers/promises";
import { checkEventStream } from "../../harness/check.ts";
import { COMMON_METRICS, measured } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { rowsFor } from "./rows.ts";

const TIMEOUT_MS = 90_000;

export const idle: Workload = {
  name: "idle",
  title: "10,000 event streams that say nothing: memory each, garbage collected before and after",
  metrics: [
    { name: "memory", unit: "KiB/stream", better: "lower" },
    { name: "cpu", unit: "ms/stream", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: rowsFor("/events", { sluice: 1, node: 1, hono: 1, h3: 1, "better-sse": 1, fastapi: 1, nchan: 1 }),
  targets: [{ metric: "memory", server: "sluice", factor: 1.2, ofBest: ["node"] }],
  check: (server, row) =>
    checkEventStream(
      server,
      row,
      async () => {},
      () => true,
    ),
  measure: async (server, row, { client, quick }) => {
    const connections = quick ? 2000 : 10_000;
    const read = { path: row.path, headers: row.headers, timeoutMs: TIMEOUT_MS };
    await (await client.hold(server.port, { ...read, connections: 100 })).tell();
    await wait(500);
    await server.collectGarbage();
    const before = server.usage();
    let held = 0;
    const { common, cpuSeconds } = await measured(server, async () => {
      const readers = await client.hold(server.port, { ...read, connections });
      await wait(quick ? 300 : 1000);
      await server.collectGarbage();
      held = server.usage().rssBytes - before.rssBytes;
      return readers.tell();
    });
    return { memory: held / 1024 / connections, cpu: (cpuSeconds * 1000) / connections, ...common };
  },
};
