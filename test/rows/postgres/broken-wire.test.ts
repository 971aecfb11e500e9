import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { postgres } from "../../../src/rows/databases/postgres.ts";
import { until, within } from "../../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { drain } from "../contract/describe-database.ts";
import { wanted } from "../support.ts";

const signal = new AbortController().signal;
const ROWS = 3_000;

/** Passes on what a server says, up to so many bytes; then the wire is cut. */
async function startWire(port: number): Promise<AsyncDisposable & { port: number; left: number; how: Cut }> {
  const sockets = new Set<Socket>();
  const wire = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes: Buffer) => {
      client.write(bytes.subarray(0, Math.max(0, state.left)));
      state.left -= bytes.length;
      if (state.left > 0) return;
      upstream.destroy();
      if (state.how === "reset") client.resetAndDestroy();
      else client.end();
    });
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
  const state = {
    port: (wire.address() as AddressInfo).port,
    left: Infinity,
    how: "reset" as Cut,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => wire.close(resolve));
    },
  };
  return state;
}

type Cut = "reset" | "end";

describe.runIf(hasPostgres())("a wire to PostgreSQL that is cut", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("at any byte, fails the query, and nothing hangs", { timeout: 60_000 }, async () => {
    await using wire = await startWire(server.port);
    await using database = postgres(`postgres://tester@127.0.0.1:${wire.port}/postgres`, { maxQueries: 1 });
    const sql = `SELECT i, 'row ' || i AS name FROM generate_series(1, ${ROWS}) i`;
    const read = async (format: "csv" | "ndjson", batched: boolean): Promise<string> => {
      const query = batched ? database.query(`${sql} WHERE :yes`, { yes: true }) : database.query(sql);
      return drain(await query.open(wanted(format), signal));
    };
    const whole = { csv: await read("csv", false), ndjson: await read("ndjson", false) };
    const cut = record({
      format: constantFrom("csv" as const, "ndjson" as const),
      batched: constantFrom(true, false),
      how: constantFrom<Cut>("reset", "end"),
      // The first are of the connection's own beginning, and of the description.
      after: integer({ min: 1, max: 180_000 }),
    });
    let failed = 0;
    await assert(
      asyncProperty(cut, async ({ format, batched, how, after }) => {
        await until(() => database.stats().running === 0, "the end of the query before");
        Object.assign(wire, { left: after, how });
        try {
          expect(await within(read(format, batched), "the rows, or a failure")).toBe(whole[format]);
        } catch (error) {
          failed++;
          expect((error as { code?: string }).code ?? (error as { status?: number }).status).toSatisfy(
            (told: unknown) => told === "ERR_DATABASE" || told === 503,
          );
        }
        await until(() => database.stats().running === 0, "the end of the query");
      }),
      { numRuns: 60 },
    );
    expect(failed).toBeGreaterThan(10);
    wire.left = Infinity;
    expect(await read("csv", true)).toBe(whole.csv);
  });
});
