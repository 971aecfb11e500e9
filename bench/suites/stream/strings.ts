import { createHash } from "node:crypto";
import { checkWhole } from "../../harness/check.ts";
import { COMMON_METRICS } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { measureDownload } from "./download.ts";
import { rowsFor } from "./rows.ts";

const STRINGS = 200_000;
const MOST_REQUESTS = 40;
const CHECKED_STRINGS = 5000;

/** What the peers' generators yield: 27 bytes. */
function stringOf(index: number): string {
  return `string number ${100_000_000 + index}...\n`;
}

export const strings: Workload = {
  name: "strings",
  title: "200,000 short strings from a generator, the request repeated",
  metrics: [
    { name: "cpu", unit: "µs/string", better: "lower" },
    { name: "throughput", unit: "strings/s", better: "higher" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: rowsFor("/strings", { sluice: 1, node: 0.25, hono: 0.05, fastify: 0.1, h3: 0.1, express: 0.1, fastapi: 0.05 }),
  targets: [{ metric: "cpu", server: "sluice", factor: 0.25, ofBest: ["node"] }],
  check: (server, row) => {
    const hash = createHash("sha256");
    for (let index = 0; index < CHECKED_STRINGS; index++) hash.update(stringOf(index));
    return checkWhole(server, row, `${row.path}?count=${CHECKED_STRINGS}`, hash.digest("hex"));
  },
  measure: async (server, row, bench) => {
    const requests = Math.ceil((row.share ?? 1) * MOST_REQUESTS * (bench.quick ? 0.25 : 1));
    const total = requests * STRINGS;
    const bodyBytes = total * stringOf(0).length;
    const read = await measureDownload(server, row, bench, { count: STRINGS, requests, bodyBytes }, STRINGS / 2);
    return { cpu: (read.cpuSeconds / total) * 1e6, throughput: total / read.seconds, ...read.common };
  },
};
