/** Writers that append, each the next message when the one before is acknowledged. */
import { COMMON_METRICS, measured } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Row, Target, Workload } from "../../harness/types.ts";
import { WRITES, createStream, readAll, streamPath } from "./stream.ts";

const MESSAGE_BYTES = 256;
const TIMEOUT_MS = 180_000;
const CHECKED_WRITERS = 16;
const CHECKED_APPENDS = 20;

interface Writing {
  name: string;
  title: string;
  rows: Row[];
  baseline: string;
  target: Target;
  writers: number;
  /** All write one, or each its own. */
  streams: number;
  /** Of all writers together, for a row whose share is 1. */
  appends: number;
}

/** What is acknowledged is there, from several writers at once. */
async function check(server: RunningServer, row: Row): Promise<void> {
  if (row.peer === "node") return;
  const path = await createStream(server, "checked");
  const append = async (writer: number): Promise<void> => {
    for (let index = 0; index < CHECKED_APPENDS; index++) {
      const body = `${writer}:${index};`;
      const response = await fetch(server.url + path, {
        method: "POST",
        headers: { "Content-Type": "text/plain" },
        body,
      });
      await response.arrayBuffer();
      if (response.status !== 204) throw new Error(`POST ${path} answered ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: CHECKED_WRITERS }, (_, writer) => append(writer)));
  const read = (await readAll(server, path)).split(";").slice(0, -1);
  for (let writer = 0; writer < CHECKED_WRITERS; writer++) {
    const own = read
      .filter((message) => message.startsWith(`${writer}:`))
      .map((message) => Number(message.split(":")[1]));
    if (own.length !== CHECKED_APPENDS || own.some((number, index) => number !== index)) {
      throw new Error(`of writer ${writer} there is ${own.join(",")}`);
    }
  }
}

async function prepareWriting(
  server: RunningServer,
  row: Row,
  streams: number,
): Promise<{ path: string; paths?: number }> {
  if (row.peer === "node") return { path: "/publish" };
  if (streams === 1) return { path: await createStream(server, "measured") };
  for (let index = 0; index < streams; index++) await createStream(server, `measured${index}`);
  return { path: streamPath("measured"), paths: streams };
}

function appending({ name, title, rows, baseline, target, writers, streams, appends }: Writing): Workload {
  return {
    name,
    title: `${title}; ${MESSAGE_BYTES} bytes, the next when it is acknowledged`,
    metrics: [
      { name: "rate", unit: "appends/s", better: "higher" },
      { name: "cpu", unit: "µs/append", better: "lower" },
      { name: "p50", unit: "ms", better: "lower" },
      { name: "p99", unit: "ms", better: "lower" },
      ...COMMON_METRICS,
    ],
    baseline,
    rows,
    targets: [target],
    check,
    measure: async (server, row, bench) => {
      const each = (share: number): number => Math.max(20, Math.ceil((appends * (row.share ?? 1) * share) / writers));
      const requests = each(bench.quick ? 0.1 : 1);
      const asked = { headers: WRITES, postBytes: MESSAGE_BYTES, connections: writers, timeoutMs: TIMEOUT_MS };
      const writing = { ...asked, ...(await prepareWriting(server, row, streams)), requestTimes: true };
      // The same streams: the reference's server cannot keep many files open.
      await bench.client.read(server.port, { ...writing, requests: Math.ceil(requests / 4) });
      const { result, cpuSeconds, common } = await measured(server, () =>
        bench.client.read(server.port, { ...writing, requests }),
      );
      const count = requests * writers;
      if (result.completed !== count) throw new Error(`${result.completed} were acknowledged, not ${count}`);
      return {
        rate: count / (result.wallMs / 1000),
        cpu: (cpuSeconds * 1e6) / count,
        p50: quantile(result.requestMs, 0.5),
        p99: quantile(result.requestMs, 0.99),
        ...common,
      };
    },
  };
}

const row = (server: string, share: number): Row => ({ server, peer: server, path: "", share });

const DURABLE = { baseline: "durable-file", rows: [row("sluice-sqlite", 1), row("durable-file", 0.1)] };
/** Plain Node takes the body and answers: it keeps nothing. */
const MEMORY = {
  baseline: "durable-memory",
  rows: [row("sluice-memory", 1), row("durable-memory", 1), row("node", 1)],
};

const times = (factor: number): Target => ({
  metric: "rate",
  server: "sluice-sqlite",
  factor,
  ofBest: ["durable-file"],
});
const asMuchInMemory: Target = { metric: "rate", server: "sluice-memory", factor: 1, ofBest: ["durable-memory"] };

/** One writer and many; on the disk, and in memory. */
export const appends: Workload[] = [
  appending({
    name: "append",
    title: "one writer, acknowledged when it is on the disk",
    ...DURABLE,
    target: times(5),
    writers: 1,
    streams: 1,
    appends: 10_000,
  }),
  appending({
    name: "append-64",
    title: "64 writers of one stream, acknowledged when it is on the disk",
    ...DURABLE,
    target: times(10),
    writers: 64,
    streams: 1,
    appends: 60_000,
  }),
  appending({
    name: "append-64-streams",
    title: "64 writers of a stream each, acknowledged when it is on the disk",
    ...DURABLE,
    target: times(10),
    writers: 64,
    streams: 64,
    appends: 60_000,
  }),
  appending({
    name: "append-memory",
    title: "one writer, in memory",
    ...MEMORY,
    target: asMuchInMemory,
    writers: 1,
    streams: 1,
    appends: 40_000,
  }),
  appending({
    name: "append-memory-64",
    title: "64 writers of one stream, in memory",
    ...MEMORY,
    target: asMuchInMemory,
    writers: 64,
    streams: 1,
    appends: 100_000,
  }),
];
