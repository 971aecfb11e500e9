/** A run that is read as fast as it comes: finished, and while it is written. */
import { createHash } from "node:crypto";
import { checkWhole } from "../../harness/check.ts";
import type { ReadOptions } from "../../harness/client.ts";
import { COMMON_METRICS, measured, MIB } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Bench, Measurement, Metric, Row, Workload } from "../../harness/types.ts";
import { contentOf } from "../files/content.ts";
import { AS_IT_IS, beginRun, runEnded, runHas } from "./run.ts";

const TIMEOUT_MS = 180_000;
/** How often it is read. */
const TIMES = 4;

/** The bytes that are run, as a file. */
export const BYTES = "/run.bin";

const METRICS: Metric[] = [
  { name: "throughput", unit: "MiB/s", better: "higher" },
  { name: "cpu", unit: "s/GiB", better: "lower" },
  ...COMMON_METRICS,
];

/** What is to be read for a row, when all of its bytes are there. */
async function pathOf(server: RunningServer, { path }: Row): Promise<string> {
  if (path === "/file") return path;
  const run = await beginRun(server, path);
  if (path === "/growing") await runHas(server, run, contentOf(BYTES).bytes);
  else await runEnded(server, run);
  return run;
}

async function measureReading(
  server: RunningServer,
  row: Row,
  { client }: Bench,
  options: Pick<ReadOptions, "leaveAfter" | "copyBodies">,
): Promise<Measurement> {
  const read = { ...options, path: await pathOf(server, row), timeoutMs: TIMEOUT_MS };
  await client.read(server.port, read);
  const { result, cpuSeconds, common } = await measured(server, () =>
    client.read(server.port, { ...read, rounds: TIMES }),
  );
  const bytes = contentOf(BYTES).bytes * TIMES;
  if (result.bodyBytes !== bytes) throw new Error(`${result.bodyBytes} bytes arrived, not ${bytes}`);
  const mebibytes = bytes / MIB;
  return { throughput: mebibytes / (result.wallMs / 1000), cpu: cpuSeconds / (mebibytes / 1024), ...common };
}

async function checkFinished(server: RunningServer, row: Row): Promise<void> {
  return checkWhole(server, row, await pathOf(server, row), contentOf(BYTES).sha256 ?? "");
}

/** Everything that is there has to come before the end does. */
async function checkGrowing(server: RunningServer, row: Row): Promise<void> {
  const run = await pathOf(server, row);
  const response = await fetch(server.url + run, { headers: AS_IT_IS });
  const { bytes, sha256 } = contentOf(BYTES);
  const hash = createHash("sha256");
  let received = 0;
  for await (const part of response.body!) {
    hash.update(part);
    received += part.byteLength;
    if (received === bytes) await fetch(`${server.url}/end`);
  }
  if (hash.digest("hex") !== sha256) throw new Error(`${run} sent other bytes than it should`);
}

export const runFinished: Workload = {
  name: "run-finished",
  title: "a finished run, and the same bytes as a file, on one connection at a time",
  metrics: METRICS,
  baseline: "file",
  rows: [
    { server: "run", peer: "sluice-runs", path: "/finished" },
    { server: "file", peer: "sluice-runs", path: "/file" },
  ],
  targets: [{ metric: "throughput", server: "run", factor: 0.95, ofBest: ["file"] }],
  check: checkFinished,
  measure: (server, row, bench) => measureReading(server, row, bench, {}),
};

export const runGrowing: Workload = {
  name: "run-growing",
  title:
    "what there is of a run that has not ended, and the same of a finished one; the client copies what it receives",
  metrics: METRICS,
  baseline: "finished",
  rows: [
    { server: "growing", peer: "sluice-runs", path: "/growing" },
    { server: "finished", peer: "sluice-runs", path: "/finished" },
  ],
  targets: [{ metric: "throughput", server: "growing", factor: 0.8, ofBest: ["finished"] }],
  check: (server, row) => (row.server === "growing" ? checkGrowing(server, row) : checkFinished(server, row)),
  measure: (server, row, bench) =>
    measureReading(server, row, bench, { leaveAfter: contentOf(BYTES).bytes, copyBodies: true }),
};
