import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowDatabase } from "../../src/index.ts";
import { postgres } from "../../src/rows/databases/postgres.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { type Exports, countingCsv, isPrefix, startExports } from "../faults/support/rows-exports.ts";
import { READERS, type Reader, endOf } from "../faults/support/rows-readers.ts";
import { until } from "../helpers/deadline.ts";
import { hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { watchReports } from "../helpers/reports.ts";
import { makeDatabase, readersOf, temporaryFolder } from "../rows/support.ts";
import { type Nginx, nginxPath, startNginx } from "./nginx.ts";

if (!nginxPath) console.log("Skipped: nginx is not installed (Debian: nginx-light), so no export is tested behind it");

const WAYS = [
  ["its default, HTTP/1.0", ""],
  ["HTTP/1.1", "proxy_http_version 1.1; proxy_set_header Connection '';"],
  ["gzip of its own", "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;"],
] as const;
/** In front of nginx: with gzip, and without. */
const CURLS = READERS.filter(({ name }) => name.startsWith("curl, HTTP/1.1,"));

const FAILS_AT = 300_000;
const WHOLE = countingCsv(FAILS_AT - 1);
/** Rows that come at once, where the rest waits for longer than any test. */
const ROWS = 20_000;

interface Rig extends AsyncDisposable {
  readonly database: RowDatabase;
  readonly queries: { readonly fails: string; readonly stops: string; readonly whole: string };
  /** Kills what runs the queries. */
  kill(): void | Promise<void>;
}

async function sqliteRig(): Promise<Rig> {
  const path = makeDatabase(join(temporaryFolder(), "proxied.db"), "CREATE TABLE t (a)");
  const database = sqlite(path);
  const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
  return {
    database,
    queries: {
      fails: `${numbers} SELECT i, json(CASE i WHEN ${FAILS_AT} THEN '{' ELSE '1' END) AS ok FROM n`,
      stops: `${numbers} SELECT i, '1' AS ok FROM n WHERE i <= ${ROWS} OR i < 0`,
      whole: `${numbers} SELECT i, '1' AS ok FROM n LIMIT ${FAILS_AT - 1}`,
    },
    kill: () => readersOf(path).forEach((pid) => process.kill(pid, "SIGKILL")),
    [Symbol.asyncDispose]: () => database.destroy(),
  };
}

async function postgresRig(): Promise<Rig> {
  const server = await startPostgres();
  const database = postgres(server.url);
  return {
    database,
    queries: {
      fails: `SELECT i, CASE WHEN 1 / (i - ${FAILS_AT}) = 9 THEN '' ELSE '1' END AS ok FROM generate_series(1, 400000) i`,
      stops: `SELECT i, CASE WHEN i > ${ROWS} THEN pg_sleep(600)::text ELSE '1' END AS ok FROM generate_series(1, ${ROWS + 1}) i`,
      whole: `SELECT i, '1' AS ok FROM generate_series(1, ${FAILS_AT - 1}) i`,
    },
    async kill() {
      await server.admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'",
      );
    },
    async [Symbol.asyncDispose]() {
      await database.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

const rigs: readonly (readonly [name: string, make: () => Promise<Rig>])[] = [
  ["SQLite", sqliteRig],
  ...(hasPostgres() ? ([["PostgreSQL", postgresRig]] as const) : []),
];
const reports = watchReports();

describe.skipIf(!nginxPath).each(rigs)("an export of %s", (name, make) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await make();
  }, 60_000);
  afterAll(() => rig?.[Symbol.asyncDispose]());

  describe.each(WAYS)("behind nginx with %s", (_way, directives) => {
    const folder = temporaryFolder();
    let exports: Exports;
    let nginx: Nginx;
    beforeAll(async () => {
      exports = await startExports((path) => rig.database.query(rig.queries[path.slice(1) as keyof Rig["queries"]]));
      nginx = await startNginx(folder, exports.plain.url, directives);
    });
    afterAll(async () => {
      await nginx.stop();
      await exports[Symbol.asyncDispose]();
    });
    const start = (reader: Reader, path: string): ReturnType<Reader["start"]> => reader.start(`${nginx.url}${path}`);

    // One database says it for the others: there is no other way to a clean end.
    test.runIf(name === "SQLite").each(CURLS)("is whole where nothing fails: $name", async (reader) => {
      const { how, status, body } = await endOf(start(reader, "/whole"), reader.name);
      expect([how, status]).toEqual(["fine", 200]);
      expect(body.equals(WHOLE)).toBe(true);
    });

    test.each(CURLS)(`fails curl where row ${FAILS_AT} does: $name`, async (reader) => {
      const { how, status, body } = await endOf(start(reader, "/fails"), reader.name);
      expect([how, status]).toEqual(["curl 18", 200]);
      expect(isPrefix(body, WHOLE)).toBe(true);
      expect(body.length).toBeGreaterThan(1_000_000);
      expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
    });

    test.each(CURLS)("fails curl where what reads the database is killed: $name", async (reader) => {
      const reading = start(reader, "/stops");
      await until(() => reading.byteLength > 1_000, "rows at the reader");
      await rig.kill();
      const { how, status, body } = await endOf(reading, reader.name);
      expect([how, status]).toEqual(["curl 18", 200]);
      expect(isPrefix(body, WHOLE)).toBe(true);
      expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
    });
  });
});
