import { expect, test } from "vitest";
import { hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { curl } from "../helpers/curl.ts";
import { problemOf, serveExports } from "./support.ts";

test.skipIf(!hasPostgres())(
  "PostgreSQL's tables, queries and statements are exported",
  { timeout: 60_000 },
  async () => {
    await using postgres = await startPostgres();
    await postgres.admin.query(`
    CREATE TABLE orders (id bigint PRIMARY KEY, day date, data jsonb);
    INSERT INTO orders VALUES (1, '2026-01-01', '{"a": 1}'), (9007199254740993, '2026-02-01', NULL);
    CREATE SCHEMA other; CREATE TABLE other.orders (n numeric); INSERT INTO other.orders VALUES (1.10);
    ANALYZE`);
    const queries = {
      since: {
        sql: "SELECT id FROM orders WHERE day >= :day AND (data ? 'a' OR :all) ORDER BY id",
        params: { day: { type: "date" }, all: { type: "boolean", default: false } },
      },
    } as const;
    await using server = await serveExports({ database: postgres.url, queries, allowSql: true });
    const get = async (target: string): Promise<string> => (await fetch(`${server.url}${target}`)).text();

    const entries = JSON.parse(await get("/tables")) as { name: string; estimatedRows?: number; columns: unknown }[];
    expect(entries.map(({ name, estimatedRows }) => [name, estimatedRows])).toEqual([
      ["since", undefined],
      ["orders", 2],
      ["other.orders", 1],
    ]);
    expect(entries[0]!.columns).toEqual([{ name: "id", type: "int64", declared: "bigint" }]);
    expect(await get("/export/other.orders.csv")).toBe('"n"\r\n1.10\r\n');
    expect(await get("/export/orders.ndjson")).toBe(
      '{"id":1,"day":"2026-01-01","data":{"a": 1}}\n{"id":9007199254740993,"day":"2026-02-01","data":null}\n',
    );
    expect(await get("/export/since.csv?day=2026-01-01&header=0")).toBe("1\r\n");
    expect(await get("/export/since.csv?day=2026-01-02&header=0&all=true")).toBe("9007199254740993\r\n");

    const post = (sql: string): Promise<Response> =>
      fetch(`${server.url}/query`, { method: "POST", body: sql, headers: { "Content-Type": "application/sql" } });
    expect(await (await post("SELECT count(*) AS n FROM orders;")).text()).toBe('"n"\r\n2\r\n');
    const wrong = await post("SELECT amuont FROM orders");
    expect(await wrong.clone().json()).toMatchObject({ status: 400, position: 8, code: "42703" });
    expect(await problemOf(await post("DELETE FROM orders RETURNING id"))).not.toEqual([200, undefined]);
    expect((await curl(`${server.url}/export/nothing.csv`)).status).toBe(404);
  },
);

test("a PostgreSQL that does not answer is named without its password", async () => {
  const database = "postgres://me:secret@127.0.0.1:1/db";
  const error = (await serveExports({ database }).catch((reason: unknown) => reason)) as Error;
  expect(error.message).toMatch(/^The database postgres:\/\/me@127\.0\.0\.1:1\/db cannot be read: /u);
  expect(error.message).not.toContain("secret");
});
