import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type RowsOutcome, rowsResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { type PostgresDatabase, postgres } from "../../src/rows/databases/postgres.ts";
import { until } from "../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { watchReports } from "../helpers/reports.ts";
import { readAll } from "../rows/support.ts";
import { Connection, get } from "./support/connection.ts";
import { lapse, until as untilAnswer } from "./support/deadline.ts";
import { seededRandom } from "./support/random.ts";
import { ran, scaled } from "./support/scale.ts";

/** What is promised: a second after its reader has left nothing of a query is there. */
const WITHIN_MS = 1_000;
const ABORTS = scaled(60, 1_000);
const SEED = 20_261;

interface Backend {
  readonly pid: number;
  readonly state: string;
  readonly wait: string | null;
  readonly xmin: string | null;
}

/** Bytes that no kernel's buffers take, a row: 10,000 of them. */
const WIDE = "SELECT i, repeat('x', 10000) AS wide FROM generate_series(1, 10000000) i";
const QUERIES = {
  busy: { sql: "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b", parameters: {} },
  copied: {
    sql: WIDE.replace("generate_series(1, 10000000) i", "(SELECT generate_series(1, 10000000)) AS s (i)"),
    parameters: {},
  },
  batches: {
    sql: "SELECT i, repeat(:text, 10000) AS wide FROM (SELECT generate_series(1, 10000000)) AS s (i)",
    parameters: { text: "x" },
  },
  sleeping: {
    sql: "SELECT i, CASE WHEN i > 5000 THEN pg_sleep(600)::text END FROM generate_series(1, 6000) i",
    parameters: {},
  },
  small: { sql: "SELECT 1 AS a", parameters: {} },
} as const;

watchReports();

describe.runIf(hasPostgres())("a query of PostgreSQL whose reader leaves", () => {
  let server: TestPostgres;
  let database: PostgresDatabase;
  let exports: RunningServer;
  const outcomes: RowsOutcome[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    database = postgres(server.url, { maxQueries: 2 });
    exports = await serve(
      (request) => {
        const { sql, parameters } = QUERIES[new URL(request.url).pathname.slice(1) as keyof typeof QUERIES];
        const query = database.query(sql, parameters);
        return rowsResponse(request, query, { format: "csv", onFinish: (outcome) => void outcomes.push(outcome) });
      },
      { port: 0 },
    );
  }, 60_000);
  afterAll(async () => {
    await exports?.destroy();
    await database?.destroy();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(() => void (outcomes.length = 0));

  /** Backends of ours, as the server sees them. */
  const backends = async (): Promise<Backend[]> => {
    const { rows } = await server.admin.query<Backend>(
      `SELECT pid, state, wait_event AS wait, backend_xmin::text AS xmin FROM pg_stat_activity
       WHERE application_name = 'sluice' AND backend_type = 'client backend' ORDER BY pid`,
    );
    return rows;
  };
  const allIdle = (found: readonly Backend[]): boolean =>
    found.every(({ state, xmin }) => state === "idle" && xmin === null);
  const open = (path: keyof typeof QUERIES, paused: boolean): Promise<Connection> =>
    Connection.open(exports.port, get(`/${path}`), { paused, keep: false });

  async function expectGone(): Promise<void> {
    await untilAnswer(
      async () => allIdle(await backends()),
      "no backend that is active, or holds a snapshot",
      WITHIN_MS,
    );
    await until(() => database.stats().running === 0, "the end of the query here");
    await until(() => outcomes.length === 1, "the outcome");
    expect(outcomes[0]!.outcome).toBe("aborted");
    // The pool is as large as it was: two at a time, and each gives its rows.
    const both = await Promise.all([
      readAll(database.query("SELECT 1 AS a")),
      readAll(database.query("SELECT 1 AS a")),
    ]);
    expect(both).toEqual(['"a"\r\n1\r\n', '"a"\r\n1\r\n']);
    expect((await backends()).length).toBeLessThanOrEqual(2);
  }

  /** Asks, waits until a backend is as it is wanted, leaves, and sees that nothing is left. */
  async function leaveWhile(
    path: keyof typeof QUERIES,
    paused: boolean,
    what: string,
    isThere: (backend: Backend) => boolean,
  ): Promise<void> {
    const before = database.stats().cancels;
    using reader = await open(path, paused);
    // Twice in a row: it is no passing state.
    for (let seen = 0; seen < 2; seen++) {
      await untilAnswer(async () => (await backends()).some(isThere), what);
      await lapse(100);
    }
    reader.reset();
    await expectGone();
    const { requested, drained, destroyed } = database.stats().cancels;
    expect(requested - before.requested).toBe(1);
    expect(drained + destroyed - before.drained - before.destroyed).toBe(1);
  }

  test("before its first row, while it is CPU-bound, is stopped", () =>
    leaveWhile("busy", false, "a backend that computes", ({ state, wait }) => state === "active" && wait === null));

  test("between two rows, while it sleeps, is stopped", () =>
    leaveWhile("sleeping", false, "a backend that sleeps", ({ wait }) => wait === "PgSleep"));

  test("between two batches is stopped: its portal waits for a reader who sleeps", () =>
    leaveWhile(
      "batches",
      true,
      "a backend that waits for its client",
      ({ wait, xmin }) => wait === "ClientRead" && xmin !== null,
    ));

  test("while it is blocked in sending is stopped: its COPY waits for a reader who sleeps", () =>
    leaveWhile(
      "copied",
      true,
      "a backend in ClientWrite",
      ({ state, wait }) => state === "active" && wait === "ClientWrite",
    ));

  test("while its rows are being read is stopped", () =>
    leaveWhile("copied", false, "a backend that sends", ({ state, xmin }) => state === "active" && xmin !== null));

  test(`leaves nothing behind, ${ABORTS} times at any moment`, { timeout: 300_000 }, async () => {
    const random = seededRandom(SEED);
    const kinds = Object.keys(QUERIES) as (keyof typeof QUERIES)[];
    const before = database.stats().cancels;
    const startedAt = performance.now();
    for (let aborts = 0; aborts < ABORTS; aborts += 2) {
      await Promise.all(
        [0, 1].map(async () => {
          using reader = await open(kinds[Math.floor(random() * kinds.length)]!, random() < 0.5);
          await lapse(random() < 0.3 ? random() * 3 : random() * 60);
          if (random() < 0.5) reader.reset();
        }),
      );
    }
    await until(() => database.stats().running === 0, "the end of every query", WITHIN_MS);
    await untilAnswer(async () => allIdle(await backends()), "no backend that is active", WITHIN_MS);
    const { requested, drained, destroyed } = database.stats().cancels;
    ran(
      `${ABORTS} aborts in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${requested - before.requested} cancelled, ` +
        `${drained - before.drained} drained, ${destroyed - before.destroyed} destroyed`,
    );
    expect(requested).toBe(drained + destroyed);
    expect(requested - before.requested).toBeGreaterThan(0);
    outcomes.length = 0;
    outcomes.push({ outcome: "aborted" } as RowsOutcome);
    await expectGone();
  });

  test("takes nothing from the next: a backend that was ended while it was idle is replaced", async () => {
    expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    const pids = (await backends()).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(0);
    await server.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'",
    );
    // At once, when the pool may not have heard of it, and again.
    for (let again = 0; again < 3; again++) expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    expect((await backends()).filter(({ pid }) => pids.includes(pid))).toEqual([]);
  });
});
