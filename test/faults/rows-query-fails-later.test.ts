import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowDatabase } from "../../src/index.ts";
import { duckdb } from "../../src/rows/databases/duckdb.ts";
import { postgres } from "../../src/rows/databases/postgres.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { until } from "../helpers/deadline.ts";
import { hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { watchReports } from "../helpers/reports.ts";
import { makeDatabase, temporaryFolder } from "../rows/support.ts";
import { type Exports, countingCsv, isPrefix, startExports } from "./support/rows-exports.ts";
import { READERS, endOf, isBroken, trustTestCertificate } from "./support/rows-readers.ts";

const FAILS_AT = 300_000;
const WHOLE = countingCsv(FAILS_AT - 1);
/** No response is told of the failure before this much of it is on its way: see the databases' batches. */
const LEAST_BYTES = 1_000_000;

interface Rig extends AsyncDisposable {
  readonly database: RowDatabase;
  /** Gives rows `i, 1` up to `FAILS_AT`, and fails with it. */
  readonly failing: string;
  /** The same rows before it, and then the end. */
  readonly whole: string;
  /** Words of the error: they are for the log. */
  readonly secret: RegExp;
}

const folder = temporaryFolder();
const numbers = (count: number): string =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count})`;

async function sqliteRig(): Promise<Rig> {
  const database = sqlite(makeDatabase(join(folder, "fails.db"), "CREATE TABLE t (a)"));
  return {
    database,
    failing: `${numbers(FAILS_AT + 1000)} SELECT i, json(CASE i WHEN ${FAILS_AT} THEN '{' ELSE '1' END) AS ok FROM n`,
    whole: `${numbers(FAILS_AT - 1)} SELECT i, json('1') AS ok FROM n`,
    secret: /malformed/iu,
    [Symbol.asyncDispose]: () => database.destroy(),
  };
}

async function postgresRig(): Promise<Rig> {
  const server = await startPostgres();
  const database = postgres(server.url);
  return {
    database,
    failing: `SELECT i, CASE WHEN 1 / (i - ${FAILS_AT}) = 9 THEN '' ELSE '1' END AS ok FROM generate_series(1, ${FAILS_AT + 1000}) i`,
    whole: `SELECT i, '1' AS ok FROM generate_series(1, ${FAILS_AT - 1}) i`,
    secret: /division/iu,
    async [Symbol.asyncDispose]() {
      await database.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function duckDbRig(): Promise<Rig> {
  const path = join(folder, "fails.duckdb");
  (await DuckDBInstance.create(path)).closeSync();
  const database = duckdb(path, { threads: 1 });
  return {
    database,
    failing: `SELECT i, CASE i WHEN ${FAILS_AT} THEN error('division') ELSE '1' END AS ok FROM range(1, ${FAILS_AT + 1000}) AS r (i)`,
    whole: `SELECT i, '1' AS ok FROM range(1, ${FAILS_AT}) AS r (i)`,
    secret: /division/iu,
    [Symbol.asyncDispose]: () => database.destroy(),
  };
}

const reports = watchReports();
beforeAll(trustTestCertificate);

const rigs: readonly (readonly [name: string, make: () => Promise<Rig>])[] = [
  ["SQLite", sqliteRig],
  ...(hasPostgres() ? ([["PostgreSQL", postgresRig]] as const) : []),
  ["DuckDB", duckDbRig],
];

describe.each(rigs)(`a query of %s that fails at row ${FAILS_AT}`, (name, make) => {
  const isFirst = name === rigs[0]![0];
  let rig: Rig;
  let exports: Exports;
  beforeAll(async () => {
    rig = await make();
    exports = await startExports((path) => rig.database.query(path === "/whole" ? rig.whole : rig.failing));
  }, 60_000);
  afterAll(async () => {
    await exports?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
  });

  test.each(READERS)("makes its reader fail: $name", async (reader) => {
    exports.outcomes.length = 0;
    const ending = await endOf(reader.start(exports.url(reader, "/failing")), reader.name);
    expect([ending.status, isBroken(ending), ending.how]).toEqual([200, true, ending.how]);
    expect(ending.body.toString()).not.toMatch(rig.secret);
    expect(isPrefix(ending.body, WHOLE), "what came is what is right").toBe(true);
    expect(ending.body.length).toBeGreaterThan(LEAST_BYTES);
    await until(() => exports.outcomes.length === 1, "the outcome");
    expect(exports.outcomes[0]).toMatchObject({ outcome: "failed" });
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  test("is fine where it does not fail, so that the above says something", async () => {
    for (const reader of READERS.filter((_, index) => isFirst || index === 3)) {
      const { how, status, body } = await endOf(reader.start(exports.url(reader, "/whole")), reader.name);
      expect([how, status], reader.name).toEqual(["fine", 200]);
      expect(body.equals(WHOLE)).toBe(true);
    }
  });
});
