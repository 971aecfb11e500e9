import { checkStart, publish } from "../../harness/check.ts";
import { COMMON_METRICS } from "../../harness/measure.ts";
import { measurePublishing } from "../../harness/measure-publishing.ts";
import type { RunningServer } from "../../harness/server.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Row, Workload } from "../../harness/types.ts";
import { checkEvents } from "../stream/fanout.ts";

const EVENT_BYTES = 100;

/** What is appended is sent, before and after somebody has come. */
async function checkFollowed(server: RunningServer, row: Row): Promise<void> {
  const appended = ["first", "second", "third"].map((word) => `${word}-${"x".repeat(80)}\n`);
  const [before = "", ...after] = appended;
  await publish(server, before);
  await checkStart(server, row, Buffer.from(appended.join("")), async function* (body) {
    for await (const part of body) {
      yield part;
      const next = after.shift();
      if (next !== undefined) await publish(server, next);
    }
  });
}

export const follow: Workload = {
  name: "follow",
  title: `a file that ${EVENT_BYTES} bytes are appended to, followed by 1,000 readers, and events of as many bytes; the next when all have it`,
  metrics: [
    { name: "cpu", unit: "µs/delivery", better: "lower" },
    { name: "last-reader-p50", unit: "ms", better: "lower" },
    { name: "last-reader-p99", unit: "ms", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "broadcast",
  rows: [
    { server: "follow", peer: "sluice-follow", path: "/follow" },
    { server: "broadcast", peer: "sluice", path: "/events", headers: ["Accept: text/event-stream"] },
  ],
  targets: [
    { metric: "last-reader-p99", server: "follow", limit: 50 },
    { metric: "cpu", server: "follow", factor: 1, ofBest: ["broadcast"] },
  ],
  check: (server, row) => (row.server === "follow" ? checkFollowed(server, row) : checkEvents(server, row)),
  measure: async (server, row, bench) => {
    const connections = bench.quick ? 250 : 1000;
    const events = bench.quick ? 100 : 400;
    const asked = (file: string) => ({
      path: `${row.path}?file=${file}`,
      publish: `/publish?file=${file}`,
      headers: row.headers,
      eventBytes: EVENT_BYTES,
    });
    await measurePublishing(server, bench, { ...asked("first"), connections: 200, events: 50 });
    const run = await measurePublishing(server, bench, { ...asked("measured"), connections, events });
    return {
      cpu: (run.cpuSeconds * 1e6) / (connections * events),
      "last-reader-p50": quantile(run.result.lastReaderMs, 0.5),
      "last-reader-p99": quantile(run.result.lastReaderMs, 0.99),
      ...run.common,
    };
  },
};
