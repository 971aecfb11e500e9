import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresDatabase, postgres } from "../../../src/rows/databases/postgres.ts";
import { selfSigned } from "../../helpers/certificate.ts";
import { until } from "../../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { readAll, wanted } from "../support.ts";

const signal = new AbortController().signal;
const BUSY = "SELECT count(*) FROM generate_series(1, 1e12::bigint)";

describe.runIf(hasPostgres())("a connection to PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  const valueOf = async (database: PostgresDatabase, expression: string): Promise<string> =>
    (await readAll(database.query(`SELECT ${expression} AS v`), wanted("tsv", { header: false }))).trimEnd();

  test("takes nothing from one query to the next: no settings, no locks", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    for (const source of [server.url, pool]) {
      const database = postgres(source, { maxQueries: 1, maxWaitMs: 5_000 });
      const pid = await valueOf(database, "pg_backend_pid()");
      const usual = await valueOf(database, "current_setting('search_path')");
      expect(await valueOf(database, "set_config('search_path', 'elsewhere', false)")).toBe("elsewhere");
      expect(await valueOf(database, "current_setting('search_path')")).toBe(usual);
      await valueOf(database, "pg_advisory_lock(7)");
      expect(await valueOf(database, "count(*) FROM pg_locks WHERE locktype = 'advisory'; --")).toBe("0");
      expect(await valueOf(database, "pg_backend_pid()")).toBe(pid);
      await database.destroy();
    }
    await pool.end();
  });

  test.each([{}, { yes: true }])(
    "is free again when a query has failed after its first rows: with %o",
    async (given) => {
      const database = postgres(server.url, { maxQueries: 1, maxWaitMs: 5_000 });
      const condition = "yes" in given ? "WHERE :yes" : "";
      for (let again = 0; again < 10; again++) {
        const query = database.query(`SELECT 1 / (50 - i) AS v FROM generate_series(1, 100) i ${condition}`, given);
        // Nobody pulls again after it, or cancels.
        await expect(readAll(query)).rejects.toMatchObject({ code: "ERR_QUERY", databaseCode: "22012" });
      }
      await until(() => database.stats().running === 0, "the end of the last");
      await database.destroy();
    },
  );

  test("is free again before a slow reader has taken the last rows", async () => {
    const database = postgres(server.url);
    const rows = await database.query("SELECT 1 AS a").open(wanted("json"), signal);
    const first = await rows.pull();
    await until(() => database.stats().running === 0, "the end of the query");
    const rest: string[] = [];
    for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) rest.push(String(item));
    expect(String(first) + rest.join("")).toBe('[\n{"a":1}\n]\n');
    await database.destroy();
  });

  test("is asked once to stop, however often it is told", async () => {
    const database = postgres(server.url);
    const rows = await database.query(BUSY).open(wanted(), signal);
    Promise.resolve(rows.pull()).catch(() => {});
    rows.cancel(undefined);
    rows.cancel(undefined);
    await database.destroy();
    expect(database.stats()).toEqual({ running: 0, cancels: { requested: 1, drained: 1, destroyed: 0 } });
  });

  test("computes what a query says once for each row", async () => {
    const database = postgres(server.url);
    await server.admin.query(`
      CREATE FUNCTION counted() RETURNS float8 STABLE LANGUAGE plpgsql AS $$ BEGIN
        PERFORM set_config('x.n', (coalesce(nullif(current_setting('x.n', true), ''), '0')::int + 1)::text, true);
        RETURN current_setting('x.n')::int;
      END $$`);
    const numbers = "SELECT counted() AS n FROM generate_series(1, 3)";
    const times = "SELECT to_timestamp(counted()) AS n FROM generate_series(1, 3)";
    expect(await readAll(database.query(numbers), wanted("ndjson"))).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
    const seconds = [1, 2, 3].map((second) => `1970-01-01T00:00:0${second}+00:00`);
    expect(await readAll(database.query(times), wanted("csv", { header: false, eol: "lf" }))).toBe(
      `${seconds.join("\n")}\n`,
    );
    expect(await readAll(database.query(times, {}), wanted("json"))).toBe(
      `[\n${seconds.map((second) => `{"n":"${second}"}`).join(",\n")}\n]\n`,
    );
    await database.destroy();
  });

  test("may be a Unix socket: a query that is busy is stopped there, too", async () => {
    const database = postgres(`postgres://tester@/postgres?host=${server.folder}&port=${server.port}`);
    expect(await valueOf(database, "inet_client_addr() IS NULL")).toBe("true");
    await expectStopped(database);
  });

  test.each(["verify-full", "no-verify"])(
    "may be TLS, %s: a query that is busy is stopped there, too",
    async (mode) => {
      const certificate = await useTls();
      const database = postgres(`${server.url}?sslmode=${mode}&sslrootcert=${certificate}`);
      expect(await valueOf(database, "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())")).toBe("true");
      await expectStopped(database);
    },
  );

  test("by TLS to a server that nobody vouches for is none", async () => {
    await useTls();
    const database = postgres(`${server.url}?sslmode=verify-full`);
    await expect(readAll(database.query("SELECT 1"))).rejects.toMatchObject({ code: "ERR_DATABASE" });
    await database.destroy();
  });

  /** By a cancel request: without one the connection would have been destroyed. */
  async function expectStopped(database: PostgresDatabase): Promise<void> {
    const rows = await database.query(BUSY).open(wanted(), signal);
    Promise.resolve(rows.pull()).catch(() => {});
    const active = async (): Promise<number> => {
      const { rows: found } = await server.admin.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sluice' AND state = 'active'",
      );
      return found.length;
    };
    while ((await active()) === 0);
    rows.cancel(undefined);
    await until(() => database.stats().running === 0, "the end of the query", 1_000);
    expect(await active()).toBe(0);
    expect(database.stats().cancels).toEqual({ requested: 1, drained: 1, destroyed: 0 });
    await database.destroy();
  }

  /** @returns where the certificate is */
  async function useTls(): Promise<string> {
    const { key, cert } = selfSigned();
    const data = join(server.folder, "data");
    const { uid, gid } = statSync(data);
    for (const [name, text] of Object.entries({ "server.key": key, "server.crt": cert })) {
      writeFileSync(join(data, name), text);
      chownSync(join(data, name), uid, gid);
      chmodSync(join(data, name), 0o600);
    }
    await server.admin.query("ALTER SYSTEM SET ssl = on");
    await server.admin.query("SELECT pg_reload_conf()");
    const isOn = async (): Promise<boolean> => {
      const { rows } = await server.admin.query<{ ssl: string }>("SHOW ssl");
      return rows[0]!.ssl === "on";
    };
    while (!(await isOn()));
    return join(data, "server.crt");
  }
});
