import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowDatabase } from "../../src/index.ts";
import { postgres } from "../../src/rows/databases/postgres.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { type CurlResult, curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { ENDLESS_ROWS, makeDatabase, temporaryFolder } from "../rows/support.ts";
import { type Exports, startExports } from "./support/rows-exports.ts";

const PROTOCOLS = [
  { name: "HTTP/1.0", tls: false, options: ["--http1.0"] },
  { name: "HTTP/1.1", tls: false, options: ["--http1.1"] },
  { name: "HTTP/1.1 under TLS", tls: true, options: ["--http1.1", "-k"] },
  { name: "HTTP/2", tls: true, options: ["--http2", "-k"] },
] as const;

/** Queries that fail before anything is sent, with the status that they have and what the client is told of them. */
interface Case {
  readonly what: string;
  readonly sql: string;
  readonly status: number;
  readonly problem: Record<string, unknown>;
}

interface Rig extends AsyncDisposable {
  /** One query at a time. */
  readonly database: RowDatabase;
  readonly endless: string;
  readonly cases: readonly Case[];
}

async function sqliteRig(): Promise<Rig> {
  const path = makeDatabase(join(temporaryFolder(), "first.db"), "CREATE TABLE t (a)");
  const database = sqlite(path, { maxQueries: 1 });
  return {
    database,
    endless: ENDLESS_ROWS,
    cases: SQLITE_CASES,
    [Symbol.asyncDispose]: () => database.destroy(),
  };
}

async function postgresRig(): Promise<Rig> {
  const server = await startPostgres();
  await server.admin.query("CREATE TABLE secret (a int); CREATE ROLE guest LOGIN");
  const database = postgres(server.url.replace("tester", "guest"), { maxQueries: 1 });
  return {
    database,
    endless: "SELECT generate_series(1, 1000000000) AS i",
    cases: POSTGRES_CASES,
    async [Symbol.asyncDispose]() {
      await database.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

const SQLITE_CASES: readonly Case[] = [
  {
    what: "is not SQL",
    sql: "SELECT 1 FORM t",
    status: 400,
    problem: { detail: 'near "t": syntax error', position: 15, code: "SQLITE_ERROR" },
  },
  {
    what: "reads what is not there",
    sql: "SELECT a FROM nowhere",
    status: 400,
    problem: { detail: "no such table: nowhere", position: 15 },
  },
  { what: "fails in its first row", sql: "SELECT json('{')", status: 400, problem: { detail: "malformed JSON" } },
  {
    what: "may not be run",
    sql: "DELETE FROM t RETURNING a",
    status: 403,
    problem: { detail: "A query only reads; this statement would do more than that" },
  },
];

const POSTGRES_CASES: readonly Case[] = [
  {
    what: "is not SQL",
    sql: "SELECT 1 FORM t",
    status: 400,
    problem: { detail: 'syntax error at or near "t"', position: 15, code: "42601" },
  },
  {
    what: "reads what is not there",
    sql: "SELECT a FROM nowhere",
    status: 400,
    problem: { detail: 'relation "nowhere" does not exist', position: 15, code: "42P01" },
  },
  {
    what: "fails in its first row",
    sql: "SELECT 1 / (i - 1) FROM generate_series(1, 5) i",
    status: 400,
    problem: { detail: "division by zero" },
  },
  {
    what: "reads what its role may not",
    sql: "SELECT a FROM secret",
    status: 403,
    problem: { detail: "permission denied for table secret" },
  },
];

watchReports();

const rigs: readonly (readonly [name: string, make: () => Promise<Rig>, cases: readonly Case[]])[] = [
  ["SQLite", sqliteRig, SQLITE_CASES],
  ...(hasPostgres() ? ([["PostgreSQL", postgresRig, POSTGRES_CASES]] as const) : []),
];

describe.each(rigs)("a query of %s", (_name, make, cases) => {
  let rig: Rig;
  let exports: Exports;
  beforeAll(async () => {
    rig = await make();
    exports = await startExports((path) => rig.database.query(decodeURIComponent(path.slice(1))), { explain: true });
  }, 60_000);
  afterAll(async () => {
    await exports?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
  });
  const isIdle = (): boolean => (rig.database as RowDatabase & { stats(): { running: number } }).stats().running === 0;
  const ask = (protocol: (typeof PROTOCOLS)[number], sql: string): Promise<CurlResult> =>
    curl(exports.url(protocol, `/${encodeURIComponent(sql)}`), "-i", "--compressed", ...protocol.options);

  describe.each(cases)("that $what", ({ sql, status, problem }) => {
    test.each(PROTOCOLS)(`is answered with ${status} on $name`, async (protocol) => {
      const { fields, body, exitCode, status: seen } = toAnswer(await ask(protocol, sql));
      expect([exitCode, seen]).toEqual([0, status]);
      expect(fields).toMatch(/^content-type: application\/problem\+json/imu);
      expect(fields).not.toMatch(/^(?:content-disposition|trailer):/imu);
      expect(JSON.parse(body)).toMatchObject({ status, ...problem });
      await until(isIdle, "the end of the query");
    });
  });

  test.each(PROTOCOLS)("finds no room on $name: 503, and when to come back", async (protocol) => {
    using first = await RawClient.connect(exports.plain.port);
    first.get(`/${encodeURIComponent(rig.endless)}`);
    await until(() => first.byteLength > 0, "the first query's rows");
    first.pause();
    const { fields, body, exitCode, status } = toAnswer(await ask(protocol, "SELECT 1 AS a"));
    expect([exitCode, status]).toEqual([0, 503]);
    expect(fields).toMatch(/^retry-after: 1\r?$/imu);
    expect(JSON.parse(body)).toMatchObject({ status: 503, detail: "Too many queries are running" });
    first.destroy();
    await until(isIdle, "the end of the query");
    const later = toAnswer(await ask(protocol, "SELECT 1 AS a"));
    // curl puts a trailer behind the body.
    expect([later.exitCode, later.status, later.body.slice(0, 8)]).toEqual([0, 200, '"a"\r\n1\r\n']);
    await until(isIdle, "the end of the query");
  });
});

function toAnswer({ body, exitCode, status }: CurlResult): {
  fields: string;
  body: string;
  exitCode: number;
  status: number;
} {
  const text = body.toString();
  const end = text.indexOf("\r\n\r\n") + 4;
  return { fields: text.slice(0, end), body: text.slice(end), exitCode, status };
}
