import { createHash } from "node:crypto";
import { checkWhole } from "../../harness/check.ts";
import { COMMON_METRICS } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { measureDownload } from "./download.ts";
import { NODE_FRAMEWORKS, rowsFor } from "./rows.ts";

const CHUNK_BYTES = 64 * 1024;
const CHUNKS_PER_GIB = 16_384;
const CHECKED_CHUNKS = 32;

export const CHUNK: Buffer = Buffer.alloc(CHUNK_BYTES, "sluice benchmark ");

export const chunks: Workload = {
  name: "chunks",
  title: "1 GiB from a generator that yields one 64 KiB buffer again and again",
  metrics: [
    { name: "cpu", unit: "s/GiB", better: "lower" },
    { name: "throughput", unit: "MiB/s", better: "higher" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: rowsFor("/chunks", { sluice: 1, node: 1, hono: 1, fastify: 1, h3: 1, express: 1, fastapi: 1, kernel: 1 }),
  targets: [
    { metric: "cpu", server: "sluice", factor: 0.6, ofBest: NODE_FRAMEWORKS },
    { metric: "cpu", server: "sluice", factor: 0.4, ofBest: ["fastapi"] },
    { metric: "throughput", server: "sluice", factor: 1, ofBest: ["node", ...NODE_FRAMEWORKS, "fastapi"] },
  ],
  check: (server, row) => {
    const hash = createHash("sha256");
    for (let index = 0; index < CHECKED_CHUNKS; index++) hash.update(CHUNK);
    return checkWhole(server, row, `${row.path}?count=${CHECKED_CHUNKS}`, hash.digest("hex"));
  },
  measure: async (server, row, bench) => {
    const requests = bench.quick ? 1 : 2;
    const count = bench.quick ? CHUNKS_PER_GIB / 4 : CHUNKS_PER_GIB;
    const bodyBytes = requests * count * CHUNK_BYTES;
    const read = await measureDownload(server, row, bench, { count, requests, bodyBytes }, CHUNKS_PER_GIB / 16);
    const gibibytes = (requests * count) / CHUNKS_PER_GIB;
    return { cpu: read.cpuSeconds / gibibytes, throughput: read.mibPerSecond, ...read.common };
  },
};
