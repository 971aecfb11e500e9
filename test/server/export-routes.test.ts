import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import type { RowsOutcome } from "../../src/index.ts";
import { type ExportServer, makeDatabase, problemOf, serveExports } from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(join(folder.path, "app.db"));
const outcomes: RowsOutcome[] = [];
const refused: unknown[] = [];
let server: ExportServer;

beforeAll(async () => {
  server = await serveExports(
    {
      database: `sqlite:${path}`,
      queries: {
        since: {
          sql: "SELECT id, day FROM orders WHERE day >= :day AND (:least IS NULL OR amount >= :least)",
          params: { day: { type: "date" }, least: { type: "number", default: null } },
          description: "Orders since a day",
          formats: ["ndjson", "csv"],
        },
        totals: { sql: "SELECT 'of the query' AS n" },
        first: { sql: "SELECT id, day FROM orders ORDER BY id", maxRows: 1 },
        typed: {
          sql: "SELECT :big AS big, :yes AS yes, :word AS word, :at AS at",
          params: {
            big: { type: "integer" },
            yes: { type: "boolean", default: true },
            word: { type: "text", enum: ["a", "b"], default: "a" },
            at: { type: "timestamp", default: "2026-01-01T00:00:00Z" },
          },
        },
      },
    },
    {
      onExport: (_request, outcome) => void outcomes.push(outcome),
      onRefused: (_request, format, status) => void refused.push([format, status]),
    },
  );
});
afterAll(() => server[Symbol.asyncDispose]());

const get = (target: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${server.url}${target}`, { headers });

test("/tables lists queries, tables and views, with what they give and where", async () => {
  const response = await get("/tables");
  expect(response.headers.get("Content-Type")).toBe("application/json");
  const entries = (await response.json()) as { name: string; kind: string }[];
  expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
    ["since", "query"],
    ["totals", "query"],
    ["first", "query"],
    ["typed", "query"],
    ['a/b "c"?', "table"],
    ["data.csv", "table"],
    ["orders", "table"],
  ]);
  expect(entries[0]).toEqual({
    name: "since",
    kind: "query",
    description: "Orders since a day",
    columns: [
      { name: "id", type: "int64", declared: "INTEGER" },
      { name: "day", type: "text", declared: "TEXT" },
    ],
    params: { day: { type: "date", required: true }, least: { type: "number", required: false, default: null } },
    formats: { ndjson: "/export/since.ndjson", csv: "/export/since.csv" },
  });
  expect(entries.at(-1)).toMatchObject({
    columns: [{ name: "id", type: "int64" }, { name: "day" }, { name: "amount", type: "float64" }, { name: "note" }],
    estimatedRows: 3,
    formats: { csv: "/export/orders.csv", parquet: "/export/orders.parquet" },
  });
});

test("whatever a table is called, its entry leads to it", async () => {
  const entries = (await (await get("/tables")).json()) as { name: string; formats: Record<string, string> }[];
  const rows = await Promise.all(
    entries.slice(4).map(async ({ name, formats }) => [name, await (await get(formats["ndjson"]!)).text()]),
  );
  expect(rows).toEqual([
    ['a/b "c"?', '{"y":9}\n'],
    ["data.csv", '{"x":1}\n'],
    ["orders", expect.stringMatching(/^\{"id":1,.*\n.*\n.*\n$/u)],
  ]);
});

test.each([
  ["/export/orders.csv", {}, "text/csv; charset=utf-8; header=present", null],
  ["/export/orders.json", {}, "application/json", null],
  ["/export/orders?format=tsv", {}, "text/tab-separated-values; charset=utf-8", null],
  ["/export/orders", { Accept: "text/csv;q=0.5, application/x-ndjson" }, "application/x-ndjson", "Accept"],
  ["/export/since?day=2026-01-01", {}, "application/x-ndjson", "Accept"],
  ["/export/data.csv?format=ndjson", {}, "application/x-ndjson", null],
  ["/export/data.csv.ndjson", {}, "application/x-ndjson", null],
])("%s with %j is %s", async (target, headers: Record<string, string>, type, vary) => {
  const response = await get(target, headers);
  await response.body?.cancel();
  expect([response.status, response.headers.get("Content-Type")]).toEqual([200, type]);
  expect(response.headers.get("Vary")?.includes("Accept,") ?? false).toBe(vary !== null);
});

test("a table's rows come with a name, a count and a digest", async () => {
  const { body, exitCode } = await curl(`${server.url}/export/orders.csv`, "-i", "--raw");
  expect(exitCode).toBe(0);
  const text = body.toString();
  expect(text).toContain('content-disposition: attachment; filename="orders.csv"\r\n');
  expect(text).toContain('3,"2026-02-01",3.0,""\r\n');
  expect(text).toMatch(/\r\nX-Rows: 3\r\nX-Status: complete\r\nRepr-Digest: sha-256=:.+:\r\n\r\n$/u);
});

test("how rows are written is said in the query string, also where the name looks like one with an extension", async () => {
  expect(await (await get("/export/orders.csv?header=0&eol=lf&limit=1")).text()).toBe('1,"2026-01-01",1.5,"a"\n');
  expect(await (await get("/export/data.csv?format=csv&header=0")).text()).toBe("1\r\n");
  expect(await problemOf(await get("/export/orders.csv?eol=cr"))).toMatchObject([400, expect.stringContaining("eol")]);
});

test("a query takes typed parameters, and its name wins over a table's", async () => {
  expect(await (await get("/export/since.csv?day=2026-01-02&header=0&least=3")).text()).toBe('3,"2026-02-01"\r\n');
  expect(await (await get("/export/totals.ndjson")).text()).toBe('{"n":"of the query"}\n');
  const target = "/export/typed.ndjson?big=9007199254740993&yes=0&word=b&at=2026-01-01T00:00:00%2B02:00";
  expect(await (await get(target)).text()).toBe(
    '{"big":9007199254740993,"yes":0,"word":"b","at":"2026-01-01T00:00:00+02:00"}\n',
  );
  expect(await (await get("/export/typed.ndjson?big=1")).text()).toBe(
    '{"big":1,"yes":1,"word":"a","at":"2026-01-01T00:00:00Z"}\n',
  );
});

test.each<[target: string, status: number, detail: string]>([
  ["/export/since.csv", 400, "The parameter day is missing: it is a date, as in 2026-01-31"],
  ["/export/since.csv?day=2026-02-30", 400, 'The parameter day is a date, as in 2026-01-31; got "2026-02-30"'],
  ["/export/since.csv?day=2026-01-01&dya=1", 400, 'There is no parameter "dya"; there are day, least'],
  ["/export/since.csv?day=2026-01-01&day=2026-01-01", 400, 'In the query string, "day" is given twice'],
  ["/export/typed.csv?big=1&word=c", 400, 'The parameter word is one of a, b; got "c"'],
  [
    "/export/typed.csv?big=1&at=2026-01-01T00:00:00+02:00",
    400,
    'The parameter at is a point in time, as in 2026-01-31T12:00:00Z (in a URL + is written %2B); got "2026-01-01T00:00:00 02:00"',
  ],
  ["/export/totals.csv?x=1", 400, 'There is no parameter "x"; it takes none'],
  ["/export/orders.csv?day=2026-01-01", 400, 'There is no parameter "day": a table takes none'],
  ["/export/orders.csv?limit=1&limit=2", 400, 'In the query string, "limit" is given twice'],
  ["/export/orders?format=xml", 400, 'format is one of csv, tsv, ndjson, json, parquet; got "xml"'],
  ["/export/since.json?day=2026-01-01", 406, "The rows can be had as ndjson (application/x-ndjson), csv (text/csv)"],
  ["/export/nothing.csv", 404, 'There is no table or query "nothing.csv"; /tables lists what there is'],
  ["/export/sqlite_schema.csv", 404, 'There is no table or query "sqlite_schema.csv"; /tables lists what there is'],
  ["/export/%2e%2e", 400, "The path has a segment of dots (. or ..)"],
  ["/export/a%2Fb/c.csv", 400, "A segment of the path has an encoded slash (%2F)"],
])("%s is answered with %i", async (target, status, detail) => {
  const { body } = await curl(`${server.url}${target}`, "--path-as-is");
  expect(JSON.parse(body.toString())).toMatchObject({ status, detail });
});

test("HEAD says what GET would, for what is there", async () => {
  expect((await curl(`${server.url}/export/orders.csv`, "-I")).body.toString()).toMatch(
    /^HTTP\/1\.1 200 [\s\S]*text\/csv/u,
  );
  expect((await curl(`${server.url}/export/nothing.csv`, "-I")).status).toBe(404);
  expect((await curl(`${server.url}/export/since.csv`, "-I")).status).toBe(400);
});

test.each([
  ["/export/orders.csv", "GET, HEAD, OPTIONS"],
  ["/tables", "GET, HEAD, OPTIONS"],
  ["/healthz", "GET, HEAD, OPTIONS"],
  ["/query", "POST, OPTIONS"],
])("%s is asked for by %s", async (target, allow) => {
  const response = await fetch(`${server.url}${target}`, { method: "DELETE" });
  expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
  await response.body?.cancel();
  const options = await fetch(`${server.url}${target}`, { method: "OPTIONS" });
  expect([options.status, options.headers.get("Allow")]).toEqual([204, allow]);
});

test("a query's own cap cuts it, and the trailer says so", async () => {
  const { body } = await curl(`${server.url}/export/first.csv`, "-i", "--raw");
  expect(body.toString()).toMatch(/\r\nX-Rows: 1\r\nX-Status: truncated\r\n/u);
  const strict = await curl(`${server.url}/export/first.csv?strict=1`);
  expect(strict.exitCode !== 0 || strict.status >= 500).toBe(true);
});

test("a table that is made while the server runs is there, one that is dropped is not", async () => {
  expect((await get("/export/later.csv")).status).toBe(404);
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE later (z); INSERT INTO later VALUES (5)");
  // The list that knows nothing of it may be a second old.
  let text = "";
  const look = async (): Promise<void> => void (text = await (await get("/export/later.csv")).text());
  for (const deadline = performance.now() + 5_000; !text.startsWith('"z"') && performance.now() < deadline;)
    await look();
  expect(text).toBe('"z"\r\n5\r\n');
  database.exec("DROP TABLE later");
  database.close();
  expect((await get("/export/later.csv")).status).toBe(404);
  expect(await (await get("/tables")).text()).not.toContain("later");
});

test("what has ended is told, and what was refused", async () => {
  outcomes.length = 0;
  refused.length = 0;
  await (await get("/export/orders.ndjson?limit=2")).text();
  await until(() => outcomes.length > 0, "the end of the export");
  expect(outcomes).toMatchObject([{ format: "ndjson", rows: 2, outcome: "completed" }]);
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE gone (z)");
  expect(await (await get("/tables")).text()).toContain("gone");
  database.exec("DROP TABLE gone");
  database.close();
  expect((await get("/export/gone.csv")).status).toBe(404);
  expect(refused).toEqual([["csv", 404]]);
});

test("only the tables that may be exported are there", async () => {
  await using some = await serveExports({ database: `sqlite:${path}`, tables: ["orders"] });
  const names = async ({ url }: ExportServer): Promise<unknown> =>
    ((await (await fetch(`${url}/tables`)).json()) as { name: string }[]).map(({ name }) => name);
  expect(await names(some)).toEqual(["orders"]);
  expect((await fetch(`${some.url}/export/orders.csv?limit=0`)).status).toBe(200);
  expect((await fetch(`${some.url}/export/totals.csv`)).status).toBe(404);
  await using none = await serveExports({ database: `sqlite:${path}`, tables: false });
  expect(await names(none)).toEqual([]);
  expect((await fetch(`${none.url}/export/orders.csv`)).status).toBe(404);
});

test("the server's cap is every export's", async () => {
  await using capped = await serveExports({
    database: `sqlite:${path}`,
    maxRows: 2,
    queries: { all: { sql: "SELECT id FROM orders", maxRows: 5 } },
  });
  for (const name of ["orders", "all"]) {
    const { body } = await curl(`${capped.url}/export/${name}.csv`, "-i", "--raw");
    expect(body.toString()).toMatch(/\r\nX-Rows: 2\r\nX-Status: truncated\r\n/u);
  }
  const { body } = await curl(`${capped.url}/export/orders.csv?limit=1`, "-i", "--raw");
  expect(body.toString()).toMatch(/\r\nX-Rows: 1\r\nX-Status: complete\r\n/u);
});

test("a query that the database cannot run is found when the server starts", async () => {
  const queries = {
    wrong: { sql: "SELECT amuont FROM orders WHERE id = :id", params: { id: { type: "integer" as const } } },
  };
  await expect(serveExports({ database: `sqlite:${path}`, queries })).rejects.toThrow(
    "The query wrong cannot be run: no such column: amuont (character 8)",
  );
});

test.each([
  ["SELECT :a AS a", {}, "The statement's :a was given no value"],
  ["SELECT ':a' AS a", { a: "text" }, "A value was given for :a, which the statement doesn't have"],
  ["SELECT ? AS a", {}, "Parameters are named, as in :id; the statement has ?"],
] as const)("a query and its parameters agree: %s with %j", async (sql, names, message) => {
  const params = Object.fromEntries(Object.entries(names).map(([name, type]) => [name, { type }]));
  const queries = { q: { sql, params } };
  await expect(serveExports({ database: `sqlite:${path}`, queries })).rejects.toThrow(
    `The query q does not fit its params: ${message}`,
  );
});

test("a database that is not there is found when the server starts", async () => {
  const database = `sqlite:${join(folder.path, "none.db")}`;
  await expect(serveExports({ database })).rejects.toThrow(`The database ${database} cannot be read: `);
});

test("a limit that only PostgreSQL has is refused with another database", async () => {
  const limits = { statementTimeoutMs: 1 };
  await expect(serveExports({ database: `sqlite:${path}`, limits })).rejects.toThrow("limits.statementTimeoutMs");
});
