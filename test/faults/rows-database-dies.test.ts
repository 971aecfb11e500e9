import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RowDatabase } from "../../src/index.ts";
import { postgres } from "../../src/rows/databases/postgres.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { until } from "../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { watchReports } from "../helpers/reports.ts";
import { makeDatabase, readAll, readersOf, temporaryFolder } from "../rows/support.ts";
import { type Exports, countingCsv, isPrefix, startExports } from "./support/rows-exports.ts";
import { until as untilAnswer } from "./support/deadline.ts";
import { READERS, endOf, isBroken, trustTestCertificate } from "./support/rows-readers.ts";

/** Rows that come at once; then the query is busy, or sleeps, for longer than any test. */
const ROWS = 20_000;
const WHOLE = countingCsv(ROWS);

const reports = watchReports();
beforeAll(trustTestCertificate);

/** Starts every reader on an export that stops in the middle, kills what it comes from, and looks at how each ended. */
async function expectAllFail(exports: Exports, kill: () => void | Promise<void>): Promise<void> {
  exports.outcomes.length = 0;
  exports.streams.length = 0;
  const readings = READERS.map((reader) => reader.start(exports.url(reader)));
  await until(() => exports.streams.length === READERS.length, "every query");
  // What the reader has is all that there is: whatever ends now, it is not the rows.
  await until(() => exports.streams.every(({ rows }) => rows > 1_000), "rows of every query", 15_000);
  await until(() => readings.every(({ byteLength }) => byteLength > 1_000), "rows at every reader", 15_000);
  await kill();
  for (const [index, reader] of READERS.entries()) {
    const ending = await endOf(readings[index]!, reader.name);
    expect([ending.status, isBroken(ending), ending.how], reader.name).toEqual([200, true, ending.how]);
    expect(isPrefix(ending.body, WHOLE), `${reader.name}: what came is what is right`).toBe(true);
    expect(ending.body.length, reader.name).toBeGreaterThan(1_000);
  }
  await until(() => exports.outcomes.length === READERS.length, "every outcome");
  expect(new Set(exports.outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["failed"]));
  expect(reports.take("SOURCE_FAILED")).toHaveLength(READERS.length);
}

describe("SQLite", () => {
  const path = makeDatabase(join(temporaryFolder(), "dies.db"), "CREATE TABLE t (a)");
  const database = sqlite(path, { maxQueries: READERS.length });
  const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, '1' AS ok FROM n WHERE i <= ${ROWS} OR i < 0`;
  let exports: Exports;
  beforeAll(async () => {
    exports = await startExports(() => database.query(sql));
  });
  afterAll(async () => {
    await exports[Symbol.asyncDispose]();
    await database.destroy();
  });

  test("whose reader processes are killed fails every reader, and serves the next", { timeout: 60_000 }, async () => {
    await expectAllFail(exports, () => {
      const pids = readersOf(path);
      expect(pids).toHaveLength(READERS.length);
      for (const pid of pids) process.kill(pid, "SIGKILL");
    });
    expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    await until(() => database.stats().running === 0, "the end of every query");
  });
});

describe.runIf(hasPostgres())("PostgreSQL", () => {
  const sql = `SELECT i, CASE WHEN i > ${ROWS} THEN pg_sleep(600)::text ELSE '1' END AS ok FROM generate_series(1, ${ROWS + 1}) i`;
  let server: TestPostgres;
  let database: RowDatabase & { stats(): { readonly running: number } };
  let exports: Exports;
  beforeAll(async () => {
    server = await startPostgres();
    database = postgres(server.url, { maxQueries: READERS.length });
    exports = await startExports((path) => database.query(path === "/" ? sql : "SELECT 1 AS a"));
  }, 60_000);
  afterEach(async () => {
    await untilAnswer(
      async () => (await readAll(database.query("SELECT 1 AS a")).catch(() => "")) !== "",
      "a database",
      30_000,
    );
    await until(() => database.stats().running === 0, "the end of every query");
  });
  afterAll(async () => {
    await exports?.[Symbol.asyncDispose]();
    await database?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  const backends = async (): Promise<number[]> => {
    const { rows } = await server.admin.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice' AND state = 'active'",
    );
    return rows.map(({ pid }) => pid);
  };

  test("whose backends are terminated fails every reader", { timeout: 60_000 }, async () => {
    await expectAllFail(exports, async () => {
      const { rowCount } = await server.admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice' AND state = 'active'",
      );
      expect(rowCount).toBe(READERS.length);
    });
  });

  test("that is killed with everything that it runs fails every reader", { timeout: 60_000 }, async () => {
    await expectAllFail(exports, async () => {
      const pids = await backends();
      expect(pids).toHaveLength(READERS.length);
      server.kill();
      for (const pid of pids) process.kill(pid, "SIGKILL");
    });
    // It is not there, and that is told as such.
    const answer = await fetch(`${exports.plain.url}/small`);
    expect([answer.status, answer.headers.get("Retry-After")]).toEqual([503, "1"]);
    await server.start();
  });
});
