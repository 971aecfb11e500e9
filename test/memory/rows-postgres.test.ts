import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Connection } from "../faults/support/connection.ts";
import { SOAK, ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import { until } from "../faults/support/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../helpers/postgres.ts";
import {
  MOST_GROWTH_BYTES,
  MOST_LEAVING_BYTES,
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
const CELL_BYTES = scaled(40_000_000, 200_000_000);

/** What stands in FROM would be put into a file before the first row comes. */
const numbers = (rows: number): string => `(SELECT generate_series(1, ${rows})) AS n (i)`;
const rowsOf = (rows: number, text: string): string =>
  `SELECT i, ${text} || i || ' that is as long as a text of some words often is, and a bit more' AS t, i * 0.5 AS half FROM ${numbers(rows)}`;
const cellsOf = (text: string): string => `SELECT repeat(${text}, ${CELL_BYTES}) AS t FROM ${numbers(3)}`;

/** CSV is passed on, JSON Lines built by the query, and what has a parameter is read in batches. */
const WAYS = [
  { name: "csv, copied", format: "csv", text: "'x'", parameter: undefined },
  { name: "ndjson, copied", format: "ndjson", text: "'x'", parameter: undefined },
  { name: "csv, in batches", format: "csv", text: ":text", parameter: "x" },
] as const;

describe.runIf(hasPostgres())("the memory of exports of PostgreSQL", { timeout: 300_000 }, () => {
  let postgres: TestPostgres;
  let server: RowsServer;
  beforeAll(async () => {
    postgres = await startPostgres();
    server = await startRowsServer({ kind: "postgres", where: postgres.url }, rowsOf(2000, "'x'"));
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const isGone = async (): Promise<boolean> => {
    const { rows } = await postgres.admin.query(
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sluice' AND (state <> 'idle' OR backend_xmin IS NOT NULL)",
    );
    return rows.length === 0;
  };

  describe.each(WAYS)("as $name", ({ name, format, text, parameter }) => {
    test.each([
      [`${ROWS} rows`, rowsOf(ROWS, text)],
      [`three rows of ${CELL_BYTES / 1_000_000} MB each`, cellsOf(text)],
    ])("grows by no more than 64 MiB for a reader who sleeps on %s", async (what, sql) => {
      let reader: Connection | undefined;
      const growth = await mostGrowth(server, async () => {
        reader = await sleepOn(server, target(format, sql, parameter));
        expect(await isGone()).toBe(false);
      });
      const leavingGrowth = await mostGrowth(server, async () => {
        const leftAt = performance.now();
        await leave(server, reader!);
        await until(isGone, "the end of the query in the database", 1_000 - (performance.now() - leftAt));
      });
      ran(`a reader who sleeps on ${what} as ${name}: ${toGrowth(growth)}; leaves: ${toGrowth(leavingGrowth)}`);
      expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
      expect(leavingGrowth).toBeLessThan(MOST_LEAVING_BYTES);
    });

    // One of the ways says it for the others, in a short run.
    test.runIf(SOAK || name === "csv, copied").each([
      [`${READ_ROWS} rows`, rowsOf(READ_ROWS, text), 90 * READ_ROWS],
      [`three rows of ${CELL_BYTES / 1_000_000} MB each`, cellsOf(text), 3 * CELL_BYTES],
    ])("grows by no more than 64 MiB for a reader who reads %s", async (what, sql, least) => {
      let bytes = 0;
      const growth = await mostGrowth(server, async () => {
        bytes = await readAll(server, target(format, sql, parameter));
      });
      ran(`${what} as ${name}, ${toMiB(bytes)}: ${toGrowth(growth)}`);
      expect(bytes).toBeGreaterThan(least);
      expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
    });
  });
});
