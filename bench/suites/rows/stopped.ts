/** Readers that stop: what an export holds for them. */
import { checkStart } from "../../harness/check.ts";
import { MIB } from "../../harness/measure.ts";
import { peakPssBytes } from "../../harness/peak-memory.ts";
import type { Row, Workload } from "../../harness/types.ts";

const TIMEOUT_MS = 300_000;
const QUIET_MS = 20_000;

function stoppedOf(name: string, title: string, row: Row, lines: string[]): Workload {
  return {
    name,
    title: `${title}, and a reader that stops after 1 MiB`,
    metrics: [
      { name: "growth", unit: "MiB", better: "lower" },
      { name: "held", unit: "MiB", better: "lower" },
    ],
    baseline: "sluice",
    rows: [row],
    targets: [{ metric: "growth", server: "sluice", limit: 64 }],
    check: (server) => checkStart(server, row, Buffer.from(lines.join("\r\n"))),
    measure: async (server, { path }, { client }) => {
      // What a first export needs stays: the code that was loaded, a reader, a connection.
      await client.read(server.port, { path: path.replace(/-\w+/u, ""), timeoutMs: TIMEOUT_MS });
      await server.quiet(QUIET_MS);
      await server.collectGarbage();
      const idle = server.pssBytes();
      let held = 0;
      const peak = await peakPssBytes(server, async () => {
        const readers = await client.hold(server.port, { path, pauseAfter: MIB, timeoutMs: TIMEOUT_MS });
        await server.quiet(QUIET_MS);
        held = server.pssBytes();
        const { bodyBytes } = await readers.tell();
        if (bodyBytes < MIB) throw new Error(`only ${bodyBytes} bytes arrived`);
      });
      return { growth: (peak - idle) / MIB, held: (held - idle) / MIB };
    },
  };
}

const MANY = ['"i","t"', '1,"row 1"', '2,"row 2"', ""];

export const stoppedSqlite: Workload = stoppedOf(
  "stopped-sqlite",
  "10,000,000 rows of SQLite's as CSV",
  { server: "sluice", peer: "sluice-rows", path: "/sqlite-many.csv" },
  MANY,
);

export const stoppedPostgres: Workload = stoppedOf(
  "stopped-postgres",
  "10,000,000 rows of PostgreSQL's as CSV",
  { server: "sluice", peer: "sluice-postgres", path: "/postgres-many.csv" },
  MANY,
);

export const stoppedCells: Workload = stoppedOf(
  "stopped-cells",
  "three rows of 200 MB each from PostgreSQL as CSV",
  { server: "sluice", peer: "sluice-postgres", path: "/postgres-cells.csv" },
  ['"i","t"', `1,"${"x".repeat(MIB)}`],
);
