import { checkEventStream } from "../../harness/check.ts";
import type { Row, Workload } from "../../harness/types.ts";
import { idle as idleStreams } from "../stream/idle.ts";
import { ACCEPTS_EVENTS, EVENT_SOURCE, LIVE_SSE, prepareEvents } from "./stream.ts";

const row = (server: string, peer: string, path: string): Row => ({
  server,
  peer,
  path,
  headers: path === LIVE_SSE ? [] : ACCEPTS_EVENTS,
});

export const idle: Workload = {
  name: "idle",
  title: "10,000 readers at a stream's end, where nothing comes: memory each, garbage collected before and after",
  metrics: idleStreams.metrics,
  baseline: "node",
  rows: [
    row("sluice-memory", "sluice-memory", EVENT_SOURCE),
    row("sluice-sqlite", "sluice-sqlite", EVENT_SOURCE),
    row("sluice-live-sse", "sluice-memory", LIVE_SSE),
    row("durable-memory", "durable-memory", LIVE_SSE),
    row("better-sse", "better-sse", "/events"),
    row("nchan", "nchan", "/events"),
    row("node", "node", "/events"),
  ],
  targets: ["sluice-memory", "sluice-sqlite", "sluice-live-sse"].map((server) => ({
    metric: "memory",
    server,
    limit: 12,
    over: "node",
  })),
  check: async (server, asked) => {
    const { path } = await prepareEvents(server, asked, "checked");
    const nothing = async (): Promise<void> => {};
    await checkEventStream(server, { ...asked, path }, nothing, () => true);
  },
  measure: async (server, asked, bench) => {
    const { path } = await prepareEvents(server, asked, "measured");
    return idleStreams.measure(server, { ...asked, path }, bench);
  },
};
