import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Connection } from "../faults/support/connection.ts";
import { SOAK, ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import {
  MOST_GROWTH_BYTES,
  type RowsServer,
  leave,
  mostGrowth,
  readAll,
  sleepOn,
  startRowsServer,
  target,
} from "./rows-server.ts";

/** What a reader sleeps on is never made: a row more costs nothing. */
const ROWS = 10_000_000;
/** What a reader reads is, and 100 bytes each. */
const READ_ROWS = scaled(1_500_000, 10_000_000);

const numbers = (rows: number): string =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${rows})`;
const TEXT = "printf('a text of row %d that is as long as a text of some words often is, and a bit more', i)";

/** Row by row; in pages. */
const QUERIES = {
  "a query without a key": (rows: number) => `${numbers(rows)} SELECT i, ${TEXT} AS t, i * 0.5 AS half FROM n`,
  "a table": () => "SELECT * FROM big",
} as const;

describe("the memory of exports of SQLite", { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-memory-"));
  const path = join(folder, "big.db");
  let server: RowsServer;
  beforeAll(async () => {
    const database = new DatabaseSync(path);
    database.exec(
      `PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; CREATE TABLE big (i INTEGER PRIMARY KEY, t TEXT, half REAL);
       INSERT INTO big ${numbers(READ_ROWS)} SELECT i, ${TEXT}, i * 0.5 FROM n`,
    );
    database.close();
    server = await startRowsServer({ kind: "sqlite", where: path }, "SELECT * FROM big LIMIT 2000");
  }, 120_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  describe.each(Object.entries(QUERIES))("of %s", (what, sqlOf) => {
    test.each(["csv", "ndjson"])("grows by no more than 64 MiB for a reader who sleeps: %s", async (format) => {
      let reader: Connection | undefined;
      const growth = await mostGrowth(server, async () => {
        reader = await sleepOn(server, target(format, sqlOf(ROWS)));
      });
      await leave(server, reader!);
      ran(`a reader who sleeps on ${what} as ${format}: ${toGrowth(growth)}`);
      expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
    });

    test.each(SOAK ? ["csv", "ndjson"] : [what === "a table" ? "csv" : "ndjson"])(
      "grows by no more than 64 MiB for a reader who reads: %s",
      async (format) => {
        let bytes = 0;
        const growth = await mostGrowth(server, async () => {
          bytes = await readAll(server, target(format, sqlOf(READ_ROWS)));
        });
        ran(`${READ_ROWS} rows of ${what} as ${format}, ${toMiB(bytes)}: ${toGrowth(growth)}`);
        expect(bytes).toBeGreaterThan(100 * READ_ROWS);
        expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
      },
    );
  });
});
