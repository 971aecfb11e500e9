import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresDatabase, postgres } from "../../../src/rows/databases/postgres.ts";
import { DEADLINE_MS, until, within } from "../../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { readAll, wanted } from "../support.ts";

/** What is promised: a second after nobody waits any more nothing of a query is there. */
const WITHIN_MS = 1_500;
const signal = new AbortController().signal;

describe.runIf(hasPostgres())("a query of PostgreSQL that is being opened", () => {
  let server: TestPostgres;
  let database: PostgresDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    await server.admin.query("CREATE TABLE locked (a int)");
    database = postgres(server.url, { maxQueries: 1 });
  }, 60_000);
  afterAll(async () => {
    await database?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  /** Nobody can describe the table meanwhile. */
  async function lock(): Promise<AsyncDisposable> {
    await server.admin.query("BEGIN");
    await server.admin.query("LOCK TABLE locked");
    return { [Symbol.asyncDispose]: async () => void (await server.admin.query("ROLLBACK")) };
  }

  async function waitsForLock(): Promise<void> {
    const observer = new pg.Client({ connectionString: server.url });
    await observer.connect();
    const deadline = performance.now() + DEADLINE_MS;
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sluice' AND wait_event_type = 'Lock'";
    while ((await observer.query(waiting)).rowCount === 0) {
      if (performance.now() > deadline) throw new Error("Hangs: no query waits for the lock");
    }
    await observer.end();
  }

  const failureOf = (promise: Promise<unknown>): Promise<unknown> => {
    const failure = promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    return failure;
  };

  test("and waits for a lock is let go when nobody waits for it", async () => {
    await using _ = await lock();
    const before = database.stats().cancels;
    const controller = new AbortController();
    const failure = failureOf(database.table("locked").open(wanted(), controller.signal));
    await waitsForLock();
    controller.abort(new Error("left"));
    expect(await within(failure, "the end of the opening", WITHIN_MS)).toMatchObject({ message: "left" });
    expect(database.stats()).toEqual({
      running: 0,
      cancels: { requested: before.requested + 1, drained: before.drained + 1, destroyed: before.destroyed },
    });
    expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
  });

  test("and waits for a lock is let go when its database is destroyed", async () => {
    await using _ = await lock();
    const destroyed = postgres(server.url);
    const failure = failureOf(destroyed.table("locked").describe(signal));
    await waitsForLock();
    await within(destroyed.destroy(), "the end of the database", WITHIN_MS);
    expect(await failure).toMatchObject({ code: "ERR_DATABASE", message: "The database was closed" });
  });

  test("on a server that says nothing is let go when nobody waits for it, with its connection", async () => {
    const pid = Number(
      (await readAll(database.query("SELECT pg_backend_pid()"), wanted("csv", { header: false }))).trim(),
    );
    const before = database.stats().cancels;
    const controller = new AbortController();
    process.kill(pid, "SIGSTOP");
    try {
      const failure = failureOf(database.query("SELECT 1").open(wanted(), controller.signal));
      controller.abort(new Error("left"));
      expect(await within(failure, "the end of the opening", WITHIN_MS)).toMatchObject({ message: "left" });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await until(() => database.stats().running === 0, "the end of the query", WITHIN_MS);
    const { cancels } = database.stats();
    expect(cancels.requested - before.requested).toBe(
      cancels.destroyed + cancels.drained - before.destroyed - before.drained,
    );
    expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
  });

  test("waits for a connection of a pool that was handed in, and no longer than somebody waits for it", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const client = await pool.connect();
    const shared = postgres(pool, { maxQueries: 2 });
    const controller = new AbortController();
    const failure = failureOf(shared.query("SELECT 1").open(wanted(), controller.signal));
    const next = readAll(shared.query("SELECT 1 AS a"));
    await until(() => pool.waitingCount === 2, "two that wait");
    controller.abort(new Error("left"));
    expect(await within(failure, "the end of the opening", WITHIN_MS)).toMatchObject({ message: "left" });
    client.release();
    expect(await next).toBe('"a"\r\n1\r\n');
    await until(() => shared.stats().running === 0, "the end of both");
    await shared.destroy();
    await pool.end();
  });

  test("is told that the database is busy, when a pool has no connection for it: 503", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1, connectionTimeoutMillis: 500 });
    const client = await pool.connect();
    const shared = postgres(pool);
    await expect(readAll(shared.query("SELECT 1"))).rejects.toMatchObject({
      status: 503,
      headers: { "Retry-After": "1" },
    });
    client.release();
    expect(await readAll(shared.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    await shared.destroy();
    await pool.end();
  });

  test("of a URL that is none fails, and holds nothing", async () => {
    const broken = postgres("postgres://someone:geheim@no such host:x/none", { maxQueries: 1 });
    for (let again = 0; again < 2; again++) {
      const error = await failureOf(broken.query("SELECT 1").open(wanted(), signal));
      expect(error).toMatchObject({ code: "ERR_DATABASE" });
      expect(String(error)).not.toContain("geheim");
    }
    await within(broken.close(), "its end");
  });
});
