/** Time to the first byte of a large table. */
import { quantile } from "../../harness/statistics.ts";
import type { Row, Workload } from "../../harness/types.ts";
import { checkRows } from "./check.ts";

const REQUESTS = 20;
const QUIET_MS = 5000;

function firstByteOf(name: string, title: string, rows: Row[]): Workload {
  return {
    name,
    title: `the first byte of ${title}, ${REQUESTS} times; its reader leaves then, and the next one comes when all is quiet`,
    metrics: [
      { name: "p50", unit: "ms", better: "lower" },
      { name: "p99", unit: "ms", better: "lower" },
    ],
    baseline: "sluice",
    rows,
    targets: [
      { metric: "p50", server: "sluice", limit: 50 },
      { metric: "p99", server: "sluice", limit: 50 },
    ],
    check: checkRows,
    measure: async (server, { path }, { client }) => {
      const firstByteMs: number[] = [];
      const ask = async (): Promise<number[]> => {
        const result = await client.read(server.port, { path, lingerMs: 20 });
        // What a reader leaves behind is ended, and a new process in its place ready.
        await server.quiet(QUIET_MS);
        return result.firstByteMs;
      };
      await ask();
      for (let request = 0; request < REQUESTS; request++) firstByteMs.push(...(await ask()));
      return { p50: quantile(firstByteMs, 0.5), p99: quantile(firstByteMs, 0.99) };
    },
  };
}

export const firstByteSqlite: Workload = firstByteOf("first-byte-sqlite", "a table of SQLite's as CSV", [
  { server: "sluice", peer: "sluice-rows", path: "/sqlite.csv" },
  { server: "node", peer: "node-rows", path: "/sqlite.csv" },
]);

export const firstBytePostgres: Workload = firstByteOf("first-byte-postgres", "a table of PostgreSQL's as CSV", [
  { server: "sluice", peer: "sluice-postgres", path: "/postgres.csv" },
  { server: "node", peer: "node-postgres", path: "/postgres.csv" },
]);
