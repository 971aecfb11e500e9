/** Events at a rate, to readers who all want all of them. */
import { setTimeout as wait } from "node:timers/promises";
import { checkEventStream, publish } from "../../harness/check.ts";
import { COMMON_METRICS } from "../../harness/measure.ts";
import { measurePublishing } from "../../harness/measure-publishing.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Row, Target, Workload } from "../../harness/types.ts";
import { ACCEPTS_EVENTS, EVENT_SOURCE, LIVE_SSE, prepareEvents } from "./stream.ts";

const EVENT_BYTES = 100;

const ROWS: Row[] = [
  { server: "sluice-memory", peer: "sluice-memory", path: EVENT_SOURCE },
  { server: "sluice-sqlite", peer: "sluice-sqlite", path: EVENT_SOURCE },
  { server: "sluice-live-sse", peer: "sluice-memory", path: LIVE_SSE },
  { server: "durable-memory", peer: "durable-memory", path: LIVE_SSE },
  { server: "durable-file", peer: "durable-file", path: LIVE_SSE },
  { server: "better-sse", peer: "better-sse", path: "/events" },
  { server: "nchan", peer: "nchan", path: "/events" },
  { server: "node", peer: "node", path: "/events" },
  { server: "broadcast", peer: "sluice", path: "/events" },
].map((row) => ({ ...row, headers: row.path === LIVE_SSE ? [] : ACCEPTS_EVENTS }));

const OWN = ["sluice-memory", "sluice-sqlite"];

/** Three events in the order they were published; between other lines, as each server has it. */
async function check(server: RunningServer, row: Row): Promise<void> {
  const events = await prepareEvents(server, row, "checked");
  const data = ["first", "second", "third"].map((word) => `${word}-${"x".repeat(80)}`);
  const publishAll = async (): Promise<void> => {
    await wait(500);
    for (const text of data) await publish(server, text, events.publish);
  };
  const frames = new RegExp(data.map((text) => `^data: ?"?${text}"?\\n(.*\\n)*?\\n`).join("(.*\\n)*?"), "m");
  await checkEventStream(server, { ...row, path: events.path }, publishAll, (received) => frames.test(received));
}

interface Fanout {
  name: string;
  title: string;
  readers: number;
  /** Events a second. */
  rate: number;
  events: number;
  publishers: number;
  rows: Row[];
  targets: Target[];
}

function fanningOut({ name, title, readers, rate, events, publishers, rows, targets }: Fanout): Workload {
  return {
    name,
    title,
    metrics: [
      { name: "cpu", unit: "µs/delivery", better: "lower" },
      { name: "deliveries", unit: "per CPU s", better: "higher" },
      { name: "p50", unit: "ms", better: "lower" },
      { name: "p99", unit: "ms", better: "lower" },
      { name: "last-reader", unit: "ms", better: "lower" },
      { name: "rate", unit: "events/s", better: "higher" },
      ...COMMON_METRICS,
    ],
    baseline: "nchan",
    rows,
    targets,
    check,
    measure: async (server, row, bench) => {
      const asked = { headers: row.headers, eventBytes: EVENT_BYTES, publishers };
      const warm = await prepareEvents(server, row, "warm");
      await measurePublishing(server, bench, { ...asked, ...warm, connections: 200, rate: 200, events: 200 });
      const connections = Math.ceil(bench.quick ? readers / 4 : readers);
      const amount = Math.ceil(events * (row.share ?? 1) * (bench.quick ? 0.2 : 1));
      const measuredEvents = await prepareEvents(server, row, "measured");
      const { result, cpuSeconds, common } = await measurePublishing(server, bench, {
        ...asked,
        ...measuredEvents,
        connections,
        rate,
        events: amount,
      });
      const { publishingMs = Number.NaN, deliveryP50Ms = Number.NaN, deliveryP99Ms = Number.NaN } = result;
      return {
        cpu: (cpuSeconds * 1e6) / (connections * amount),
        deliveries: (connections * amount) / cpuSeconds,
        p50: deliveryP50Ms,
        p99: deliveryP99Ms,
        "last-reader": Math.max(...result.lastReaderMs),
        rate: amount / (publishingMs / 1000),
        ...common,
      };
    },
  };
}

const limited = (metric: string, limit: number): Target[] => OWN.map((server) => ({ metric, server, limit }));
const asNchan: Target[] = OWN.map((server) => ({ metric: "deliveries", server, factor: 1, ofBest: ["nchan"] }));

/** A peer that would take minutes gets fewer events. */
function withShares(shares: Record<string, number>): Row[] {
  return ROWS.map((row) => ({ ...row, share: shares[row.server] ?? 1 }));
}

/** It reads a stream's file for each reader and each event. */
const SLOW = { "durable-file": 0.1 };

export const fanouts: Workload[] = [
  fanningOut({
    name: "fanout-1000",
    title: "20 events a second to 1,000 readers",
    readers: 1000,
    rate: 20,
    events: 200,
    publishers: 4,
    rows: withShares(SLOW),
    targets: [...limited("p99", 25), ...asNchan],
  }),
  fanningOut({
    name: "fanout-10000",
    title: "2 events a second to 10,000 readers",
    readers: 10_000,
    rate: 2,
    events: 20,
    publishers: 4,
    rows: withShares(SLOW),
    targets: [...limited("last-reader", 400), ...asNchan],
  }),
  fanningOut({
    name: "fanout-burst",
    title: "1,000 events a second to 1,000 readers, complete and in one order; slow peers get fewer",
    readers: 1000,
    rate: 1000,
    events: 5000,
    publishers: 64,
    rows: withShares({ ...SLOW, "durable-memory": 0.1, "better-sse": 0.2, nchan: 0.2, node: 0.2 }).filter(
      // It lets events go that a reader is too slow for.
      ({ server }) => server !== "broadcast",
    ),
    targets: [...limited("rate", 950), ...asNchan],
  }),
];
