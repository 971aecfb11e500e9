import { createGunzip } from "node:zlib";
import { checkStart } from "../../harness/check.ts";
import { COMMON_METRICS, measured, MIB } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { CHUNK } from "./chunks.ts";
import { rowsFor } from "./rows.ts";

const READERS = 200;
const QUIET_MS = 20_000;

export const stalled: Workload = {
  name: "stalled",
  title: "200 readers that take the first bytes of an endless body and then no more",
  metrics: [
    { name: "growth", unit: "MiB", better: "lower" },
    { name: "cpu", unit: "s", better: "lower" },
    ...COMMON_METRICS,
  ],
  baseline: "node",
  rows: [
    ...rowsFor("/endless", { sluice: 1, node: 1, hono: 1, fastify: 1, h3: 1, express: 1, fastapi: 1 }),
    { server: "sluice-gzip", peer: "sluice", path: "/endless-gzip", headers: ["Accept-Encoding: gzip"] },
  ],
  targets: [
    { metric: "growth", server: "sluice", limit: 32 },
    { metric: "growth", server: "sluice-gzip", limit: 32 },
  ],
  check: async (server, row) => {
    if (row.server !== "sluice-gzip") return checkStart(server, row, Buffer.concat([CHUNK, CHUNK]));
    // Its body is random, so that compressing it fills sockets; enough that it decodes.
    return checkStart(server, row, Buffer.alloc(0), (body) => body.pipe(createGunzip()));
  },
  measure: async (server, row, { client, quick }) => {
    const read = { path: row.path, headers: row.headers, pauseAfter: 1 };
    // Not by readers that leave: some servers never recover from that.
    await client.read(server.port, { path: "/chunks?count=1024" });
    const { peakGrowthBytes, cpuSeconds, common } = await measured(server, async () => {
      const readers = await client.hold(server.port, { ...read, connections: quick ? READERS / 2 : READERS });
      await server.quiet(QUIET_MS);
      return readers.tell();
    });
    return { growth: peakGrowthBytes / MIB, cpu: cpuSeconds, ...common };
  },
};
