/** A large file, read as fast as it comes. */
import { COMMON_METRICS, measured, MIB } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Bench, Measurement, Metric, Row, Target, Workload } from "../../harness/types.ts";
import { contentOf } from "./content.ts";
import { check, NODE_PEERS, rowsFor } from "./rows.ts";

const TIMEOUT_MS = 180_000;
const ONE_REQUESTS = 5;
const PATH = "/large.bin";

const METRICS: Metric[] = [
  { name: "throughput", unit: "MiB/s", better: "higher" },
  { name: "cpu", unit: "s/GiB", better: "lower" },
  ...COMMON_METRICS,
];

const CPU_TARGETS: Target[] = [
  { metric: "cpu", server: "sluice", factor: 1.1, ofBest: ["nginx"] },
  { metric: "cpu", server: "sluice", factor: 0.5, ofBest: NODE_PEERS },
];

async function measureDownloads(
  server: RunningServer,
  { path, share = 1 }: Row,
  { client }: Bench,
  wanted: { connections: number; requests: number; copyBodies?: boolean },
): Promise<Measurement> {
  await client.read(server.port, { path, timeoutMs: TIMEOUT_MS });
  const requests = Math.max(1, Math.round(wanted.requests * share));
  const { result, cpuSeconds, common } = await measured(server, () =>
    client.read(server.port, { ...wanted, path, requests, timeoutMs: TIMEOUT_MS }),
  );
  const bytes = contentOf(path).bytes * wanted.connections * requests;
  if (result.bodyBytes !== bytes) throw new Error(`${result.bodyBytes} bytes arrived, not ${bytes}`);
  const mebibytes = bytes / MIB;
  return { throughput: mebibytes / (result.wallMs / 1000), cpu: cpuSeconds / (mebibytes / 1024), ...common };
}

export const one: Workload = {
  name: "one",
  title: "a file of 2 GiB on one connection, again and again; the client lets the kernel drop it",
  metrics: METRICS,
  baseline: "nginx",
  rows: rowsFor(PATH),
  targets: [
    { metric: "throughput", server: "sluice", factor: 1.5, ofBest: ["nginx"] },
    { metric: "throughput", server: "sluice", factor: 2.5, ofBest: NODE_PEERS },
    ...CPU_TARGETS,
  ],
  check,
  measure: (server, row, bench) => measureDownloads(server, row, bench, { connections: 1, requests: ONE_REQUESTS }),
};

export const copied: Workload = {
  ...one,
  name: "copied",
  title: "the same as `one` for a client that copies what it receives",
  rows: rowsFor(PATH, ["sluice", "nginx", "loop", "node", "send"]),
  targets: [],
  measure: (server, row, bench) =>
    measureDownloads(server, row, bench, { connections: 1, requests: ONE_REQUESTS, copyBodies: true }),
};

export const eight: Workload = {
  name: "eight",
  title: "a file of 2 GiB on eight connections at a time",
  metrics: METRICS,
  baseline: "nginx",
  rows: rowsFor(PATH),
  targets: [{ metric: "throughput", server: "sluice", factor: 1, ofBest: ["nginx"] }, ...CPU_TARGETS],
  check,
  measure: (server, row, bench) => measureDownloads(server, row, bench, { connections: 8, requests: 1 }),
};
