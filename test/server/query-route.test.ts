import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MAX_STATEMENT_BYTES } from "../../src/server/exports/query-route.ts";
import { type ExportServer, makeDatabase, problemOf, serveExports } from "./support.ts";

const folder = temporaryFolder();
const database = `sqlite:${makeDatabase(join(folder.path, "app.db"))}`;
let server: ExportServer;

beforeAll(async () => {
  server = await serveExports({ database, allowSql: true, maxRows: 10 });
});
afterAll(() => server[Symbol.asyncDispose]());

function post(
  body: string | Blob,
  type: string | undefined,
  query = "",
  headers: Record<string, string> = {},
): Promise<Response> {
  const fields = new Headers(headers);
  if (type !== undefined) fields.set("Content-Type", type);
  return fetch(`${server.url}/query${query}`, { method: "POST", body, headers: fields });
}
const postJson = (body: unknown, query?: string): Promise<Response> =>
  post(JSON.stringify(body), "application/json", query);

test("a statement comes as JSON, with values of JSON's types and integers of any size", async () => {
  const params = '{"big": 9007199254740993, "real": 1.5, "text": "ö", "none": null, "yes": true}';
  const sql = "SELECT :big AS big, :real AS r, :text AS text, :none AS none, :yes AS yes";
  const response = await post(
    `{"sql": "${sql}", "params": ${params}, "format": "ndjson"}`,
    "application/json; charset=utf-8",
  );
  expect(await response.text()).toBe('{"big":9007199254740993,"r":1.5,"text":"ö","none":null,"yes":1}\n');
  expect(response.headers.get("Content-Disposition")).toContain('filename="query.ndjson"');
});

test("a statement comes as SQL, with parameters as text in the query string", async () => {
  const response = await post("SELECT :a AS a, typeof(:a) AS type", "application/sql", "?a=1&format=ndjson");
  expect(await response.text()).toBe('{"a":"1","type":"text"}\n');
  expect(await (await post("SELECT 1 AS one", "text/plain", "?header=0")).text()).toBe("1\r\n");
});

test("curl sends one as a person would", async () => {
  const { body } = await curl(
    `${server.url}/query`,
    "-d",
    "SELECT id FROM orders",
    "-H",
    "Content-Type: application/sql",
  );
  expect(body.toString()).toBe('"id"\r\n1\r\n2\r\n3\r\n');
});

test("what is wrong with a statement is told in the database's words, with the place", async () => {
  const response = await postJson({ sql: "SELECT amuont FROM orders" });
  expect([response.status, await response.json()]).toEqual([
    400,
    { title: "Bad Request", status: 400, detail: "no such column: amuont", position: 8, code: "SQLITE_ERROR" },
  ]);
  const denied = await problemOf(await postJson({ sql: "DELETE FROM orders RETURNING id" }));
  expect([400, 403]).toContain(denied[0]);
});

test.each<[body: string, type: string | undefined, query: string, status: number, detail: string]>([
  ["{", "application/json", "", 400, "The body is not JSON: "],
  ["[]", "application/json", "", 400, 'The body is an object, as in {"sql": "SELECT 1"}'],
  ['{"sql": 1}', "application/json", "", 400, '"sql" is the statement, as a text'],
  [
    '{"sql": "SELECT 1", "parms": {}}',
    "application/json",
    "",
    400,
    'The body has no "parms": there are sql, params, format',
  ],
  ['{"sql": "SELECT 1", "params": []}', "application/json", "", 400, '"params" is an object of values by their names'],
  [
    '{"sql": "SELECT :a", "params": {"a": [1]}}',
    "application/json",
    "",
    400,
    "The parameter a is a text, a number, true, false or null",
  ],
  ['{"sql": "SELECT :a"}', "application/json", "", 400, "The statement's :a was given no value"],
  [
    '{"sql": "SELECT 1", "params": {"a": 1}}',
    "application/json",
    "",
    400,
    "A value was given for :a, which the statement doesn't have",
  ],
  [
    '{"sql": "SELECT 1", "format": "xml"}',
    "application/json",
    "",
    400,
    '"format" is one of csv, tsv, ndjson, json, parquet',
  ],
  ['{"sql": "SELECT :a"}', "application/json", "?a=1", 400, '"a" stands in "params", beside the statement'],
  ["SELECT 1", "application/sql", "?a=1", 400, "A value was given for :a, which the statement doesn't have"],
  ["SELECT 1", "application/sql", "?eol=x", 400, "In the query string, "],
  [
    "sql=SELECT",
    "application/x-www-form-urlencoded",
    "",
    415,
    "A statement comes as one of application/json, application/sql, text/plain; got",
  ],
])("%s as %s%s is answered with %i", async (body, type, query, status, detail) => {
  expect(await problemOf(await post(body, type, query))).toEqual([status, expect.stringContaining(detail)]);
});

test("what is not UTF-8, and what has no type, is refused", async () => {
  const body = new Blob([Uint8Array.of(0x53, 0xff)]);
  expect(await problemOf(await post(body, "application/sql"))).toEqual([400, "The body is not UTF-8"]);
  expect((await problemOf(await post(new Blob(["SELECT 1"]), undefined)))[0]).toBe(415);
});

test("a body that is too large is refused, whether it says so or not", async () => {
  const sql = `SELECT 1 --${"x".repeat(MAX_STATEMENT_BYTES)}`;
  const file = folder.write("large.sql", sql);
  for (const options of [[], ["-H", "Transfer-Encoding: chunked"]]) {
    const type = ["-H", "Content-Type: application/sql", "-H", "Expect:"];
    const { status } = await curl(`${server.url}/query`, "--data-binary", `@${file}`, ...type, ...options);
    expect(status).toBe(413);
  }
  // One that does not end loses its connection: nobody waits for the end.
  const endless = folder.write("endless.sql", `SELECT 1 --${"x".repeat(40 * MAX_STATEMENT_BYTES)}`);
  const chunked = ["-H", "Content-Type: application/sql", "-H", "Expect:", "-H", "Transfer-Encoding: chunked"];
  expect((await curl(`${server.url}/query`, "--data-binary", `@${endless}`, ...chunked)).exitCode).not.toBe(28);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const right = `SELECT 1 AS a --${"x".repeat(MAX_STATEMENT_BYTES - 16)}`;
  expect((await post(right, "application/sql")).status).toBe(200);
});

test("a page of another site cannot send one", async () => {
  const { status } = await post("SELECT 1", "text/plain", "", { "Sec-Fetch-Site": "cross-site" });
  // A browser sets the field; fetch in Node leaves what it is told.
  expect(status).toBe(403);
});

test("the cap cuts it", async () => {
  const sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
  const { body } = await curl(`${server.url}/query`, "-d", sql, "-H", "Content-Type: application/sql", "-i", "--raw");
  expect(body.toString()).toMatch(/\r\nX-Rows: 10\r\nX-Status: truncated\r\n/u);
});

test("it is off unless it was turned on", async () => {
  await using off = await serveExports({ database });
  const response = await fetch(`${off.url}/query`, { method: "POST", body: "SELECT 1" });
  expect(await problemOf(response)).toEqual([403, expect.stringContaining("--allow-sql")]);
});
