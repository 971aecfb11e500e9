import { setTimeout as wait } from "node:timers/promises";
import { checkEventStream, publish } from "../../harness/check.ts";
import { COMMON_METRICS, MIB } from "../../harness/measure.ts";
import { measurePublishing } from "../../harness/measure-publishing.ts";
import type { RunningServer } from "../../harness/server.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Row, Workload } from "../../harness/types.ts";
import { rowsFor } from "./rows.ts";

const ROWS = rowsFor("/events", { sluice: 1, node: 1, hono: 1, "better-sse": 1, nchan: 1 });

/** Three events in the order they were published; between other lines, as each server has it. */
export function checkEvents(server: RunningServer, row: Row): Promise<void> {
  const data = ["first", "second", "third"].map((word) => `${word}-${"x".repeat(80)}`);
  const publishAll = async () => {
    await wait(500);
    for (const text of data) await publish(server, text);
  };
  const frames = new RegExp(data.map((text) => `^data: ?"?${text}"?\\n(.*\\n)*?\\n`).join("(.*\\n)*?"), "m");
  return checkEventStream(server, row, publishAll, (received) => frames.test(received));
}

export const fanout: Workload = {
  name: "fanout",
  title: "one event of 100 bytes to 2,000 readers, the next when all have it",
  metrics: [
    { name: "deliveries", unit: "per CPU s", better: "higher" },
    { name: "last-reader-p50", unit: "ms", better: "lower" },
    { name: "last-reader-p95", unit: "ms", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "nchan",
  rows: ROWS,
  targets: [
    { metric: "deliveries", server: "sluice", factor: 1, ofBest: ["nchan"] },
    { metric: "deliveries", server: "sluice", factor: 1, ofBest: ["node", "hono", "better-sse"] },
  ],
  check: checkEvents,
  measure: async (server, row, bench) => {
    const connections = bench.quick ? 500 : 2000;
    const events = bench.quick ? 100 : 200;
    const asked = { path: row.path, headers: row.headers };
    await measurePublishing(server, bench, { ...asked, connections: 200, events: 50 });
    const { result, cpuSeconds, common } = await measurePublishing(server, bench, { ...asked, connections, events });
    return {
      deliveries: (connections * events) / cpuSeconds,
      "last-reader-p50": quantile(result.lastReaderMs, 0.5),
      "last-reader-p95": quantile(result.lastReaderMs, 0.95),
      ...common,
    };
  },
};

export const fanoutStalled: Workload = {
  name: "fanout-stalled",
  title: "events of 4 KiB to 5 readers, one of which reads nothing: 256 MiB it does not take",
  metrics: [
    { name: "growth", unit: "MiB", better: "lower" },
    { name: "cpu", unit: "µs/delivery", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "better-sse",
  // nchan walks the stalled reader's queue for every event: a run would take minutes.
  rows: ROWS.filter(({ peer }) => peer !== "nchan"),
  targets: [{ metric: "growth", server: "sluice", factor: 0.1, ofBest: ["better-sse"] }],
  check: checkEvents,
  measure: async (server, row, bench) => {
    const asked = { path: row.path, headers: row.headers, eventBytes: 4096, window: 8 };
    const events = bench.quick ? 8192 : 65_536;
    // As long as it takes V8 to give its young generation the size it will have: that is no queue.
    await measurePublishing(server, bench, { ...asked, connections: 4, events: 4096 });
    const readers = { connections: 5, pauseAfter: 0, paused: 1 };
    const run = await measurePublishing(server, bench, { ...asked, ...readers, events });
    const cpu = (run.cpuSeconds * 1e6) / (4 * events);
    return { growth: run.peakGrowthBytes / MIB, cpu, ...run.common };
  },
};
