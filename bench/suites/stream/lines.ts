import { createHash } from "node:crypto";
import { checkWhole } from "../../harness/check.ts";
import { COMMON_METRICS } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { measureDownload } from "./download.ts";
import { NODE_FRAMEWORKS, rowsFor } from "./rows.ts";

const ALL_LINES = 5_000_000;
const QUICK_LINES = 500_000;
const CHECKED_LINES = 10_000;

/** Parts of {@link ALL_LINES}: as many as each peer does in some seconds. */
const SHARES = { sluice: 1, node: 0.2, hono: 0.1, fastify: 0.2, h3: 0.1, express: 0.2, fastapi: 0.01 };

/** Line `index` of the files: 27 bytes, its end included. */
export function lineOf(index: number): string {
  return `a short line, number ${String(index % 100_000).padStart(5, "0")}\n`;
}

/** The files that must be there, by their number of lines. */
export function lineCounts(quick: boolean): number[] {
  const amounts = Object.values(SHARES).map((share) => share * (quick ? QUICK_LINES : ALL_LINES));
  const warmUps = amounts.map((amount) => amount / 10);
  return [...new Set([...amounts, ...warmUps, CHECKED_LINES])];
}

export const lines: Workload = {
  name: "lines",
  title: "short lines of a file, each yielded by itself (5,000,000; slow peers fewer)",
  metrics: [
    { name: "cpu", unit: "µs/line", better: "lower" },
    { name: "throughput", unit: "lines/s", better: "higher" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: [
    ...rowsFor("/lines", SHARES),
    { server: "sluice-generator", peer: "sluice", path: "/lines-generator", share: 1 },
  ],
  targets: [
    { metric: "cpu", server: "sluice", factor: 0.4, ofBest: NODE_FRAMEWORKS },
    { metric: "cpu", server: "sluice-generator", factor: 0.4, ofBest: NODE_FRAMEWORKS },
    { metric: "cpu", server: "sluice", factor: 0.4, ofBest: ["fastapi"] },
  ],
  check: (server, row) => {
    const hash = createHash("sha256");
    for (let index = 0; index < CHECKED_LINES; index++) hash.update(lineOf(index));
    return checkWhole(server, row, `${row.path}?count=${CHECKED_LINES}`, hash.digest("hex"));
  },
  measure: async (server, row, bench) => {
    const count = (row.share ?? 1) * (bench.quick ? QUICK_LINES : ALL_LINES);
    const bodyBytes = count * lineOf(0).length;
    const read = await measureDownload(server, row, bench, { count, requests: 1, bodyBytes }, count / 10);
    return { cpu: (read.cpuSeconds / count) * 1e6, throughput: count / read.seconds, ...read.common };
  },
};
