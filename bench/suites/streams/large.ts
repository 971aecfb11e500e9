/** A stream of 200 MB: its end, all of it, and readers who stop. */
import { setTimeout as wait } from "node:timers/promises";
import type { Client, ReadResult } from "../../harness/client.ts";
import { CLIENT_CORES, MIB, SERVER_CORES, measured } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import { quantile } from "../../harness/statistics.ts";
import type { Row, Target, Workload } from "../../harness/types.ts";
import { WRITES, append, createStream, readAll } from "./stream.ts";

const MESSAGE_BYTES = 64 * 1024;
const MESSAGES = 3052;
const END = "e".repeat(100);
const STALLED = 4;
const TIMEOUT_MS = 180_000;
const QUIET_MS = 20_000;

interface Stream {
  path: string;
  bytes: number;
  /** Before the last 100 bytes. */
  offset: string;
}

async function fill(server: RunningServer, client: Client, name: string, messages: number): Promise<Stream> {
  const path = await createStream(server, name);
  const posted = { headers: WRITES, postBytes: MESSAGE_BYTES, requests: messages, timeoutMs: TIMEOUT_MS };
  await client.read(server.port, { path, ...posted });
  const offset = await append(server, path, END);
  return { path, offset, bytes: messages * MESSAGE_BYTES + END.length };
}

async function catchUp(server: RunningServer, client: Client, { path, bytes }: Stream): Promise<ReadResult> {
  const result = await client.read(server.port, { path, pages: true, timeoutMs: TIMEOUT_MS });
  if (result.bodyBytes !== bytes) throw new Error(`${result.bodyBytes} bytes arrived, not ${bytes}`);
  return result;
}

async function readEnd(server: RunningServer, client: Client, { path, offset }: Stream, requests: number) {
  const read = { path: `${path}?offset=${offset}`, requests, requestTimes: true, timeoutMs: TIMEOUT_MS };
  const { requestMs, bodyBytes } = await client.read(server.port, read);
  if (bodyBytes !== requests * END.length) throw new Error(`${bodyBytes} bytes arrived`);
  return quantile(requestMs, 0.5);
}

async function settle(server: RunningServer): Promise<number> {
  await server.quiet(QUIET_MS);
  await server.collectGarbage();
  return server.usage().rssBytes;
}

/** Messages of many sizes, read as they were written. */
async function check(server: RunningServer): Promise<void> {
  const path = await createStream(server, "checked");
  let written = "";
  for (let index = 0; index < 40; index++) {
    const message = `${index}-`.padEnd(1 + index * 4001, "abcdefgh");
    await append(server, path, message);
    written += message;
  }
  if ((await readAll(server, path)) !== written) throw new Error(`${path} has other bytes than it should`);
}

const row = (server: string, share = 1): Row => ({ server, peer: server, path: "", share });
const OWN = ["sluice-memory", "sluice-sqlite"];
const limited = (metric: string, limit: number): Target[] => OWN.map((server) => ({ metric, server, limit }));

export const large: Workload = {
  name: "large",
  title:
    "a stream of 200 MB in messages of 64 KiB: its last 100 bytes; all of it, page by page; four readers that stop",
  metrics: [
    { name: "end-p50", unit: "ms", better: "lower" },
    { name: "catch-up", unit: "MB/s", better: "higher" },
    { name: "cpu", unit: "s/GB", better: "lower" },
    { name: "growth", unit: "MiB", better: "lower" },
    { name: "stalled", unit: "MiB", better: "lower" },
    { name: "stalled-peak", unit: "MiB", better: "lower" },
    { name: "written", unit: "MB/s", better: "higher" },
    SERVER_CORES,
    CLIENT_CORES,
  ],
  baseline: "durable-file",
  // A peer that reads all for each reader has few.
  rows: [row("sluice-memory"), row("sluice-sqlite"), row("durable-memory", 0.1), row("durable-file", 0.05)],
  targets: [...limited("end-p50", 2), ...limited("catch-up", 300), ...limited("growth", 32), ...limited("stalled", 4)],
  check,
  measure: async (server, { server: name, share = 1 }, { client, quick }) => {
    const small = await fill(server, client, "warm", MESSAGES / 14);
    for (let times = 0; times < 5; times++) await catchUp(server, client, small);
    await readEnd(server, client, small, 200 * share);
    const without = await settle(server);
    const startedAt = performance.now();
    const stream = await fill(server, client, "measured", quick ? MESSAGES / 4 : MESSAGES);
    const written = stream.bytes / 1e6 / ((performance.now() - startedAt) / 1000);
    const filled = await settle(server);
    // What a log in memory holds is the stream itself, and no cost of reading it.
    const idle = name.endsWith("-memory") ? filled : without;

    const end = await readEnd(server, client, stream, 1000 * share);
    await settle(server);
    const { result, cpuSeconds, common } = await measured(server, () => catchUp(server, client, stream));
    const growth = server.usage().peakBytes - idle;

    const before = await settle(server);
    server.resetPeak();
    const asked = { path: `${stream.path}?offset=-1&live=sse`, connections: STALLED, pauseAfter: 1 };
    const readers = await client.hold(server.port, { ...asked, timeoutMs: TIMEOUT_MS });
    await wait(500);
    await server.quiet(QUIET_MS);
    const { peakBytes } = server.usage();
    const stalled = (await settle(server)) - before;
    await readers.tell();
    return {
      "end-p50": end,
      "catch-up": stream.bytes / 1e6 / (result.wallMs / 1000),
      cpu: cpuSeconds / (stream.bytes / 1e9),
      growth: growth / MIB,
      stalled: stalled / MIB,
      "stalled-peak": (peakBytes - before) / MIB,
      written,
      [SERVER_CORES.name]: common[SERVER_CORES.name] ?? Number.NaN,
      [CLIENT_CORES.name]: common[CLIENT_CORES.name] ?? Number.NaN,
    };
  },
};
