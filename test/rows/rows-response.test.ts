import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Outcome, type RowQuery, rowsResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { ENDLESS, ENDLESS_ROWS, makeDatabase, readersOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(
  join(folder, "rows.db"),
  "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'Ada'), (2, 'O''Brien, \"Bo\"')",
);
const database = sqlite(path, { maxQueries: 4 });
const reports = watchReports();
const outcomes: Outcome[] = [];
let server: RunningServer;

beforeAll(async () => {
  server = await serve(
    (request) => {
      const { searchParams } = new URL(request.url);
      const query = database.query(searchParams.get("sql") ?? "SELECT * FROM people");
      return rowsResponse(request, query, {
        filename: "Leute, alle.csv",
        onFinish: (outcome) => void outcomes.push(outcome),
      });
    },
    { port: 0 },
  );
});
afterAll(async () => {
  await server.destroy();
  await database.destroy();
});

const urlOf = (sql: string): string => `${server.url}/?sql=${encodeURIComponent(sql)}`;

test("rows are sent as a CSV file to be saved", async () => {
  const response = await fetch(server.url);
  expect(await response.text()).toBe('id,name\r\n1,Ada\r\n2,"O\'Brien, ""Bo"""\r\n');
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/csv; charset=utf-8; header=present",
    "content-disposition": 'attachment; filename="Leute, alle.csv"',
    "accept-ranges": "none",
    "x-content-type-options": "nosniff",
  });
  expect(outcomes.pop()).toMatchObject({ outcome: "completed", bytes: 37 });
});

test("HEAD says what GET would, and asks the database nothing", async () => {
  let opened = 0;
  const query: RowQuery = {
    open() {
      opened++;
      throw new Error("HEAD must not come here");
    },
  };
  const ends: Outcome[] = [];
  const response = await rowsResponse(new Request("http://x/", { method: "HEAD" }), query, {
    onFinish: (outcome) => void ends.push(outcome),
  });
  expect([response.status, response.headers.get("Content-Type"), response.body, opened]).toEqual([
    200,
    "text/csv; charset=utf-8; header=present",
    null,
    0,
  ]);
  expect(ends).toMatchObject([{ outcome: "discarded" }]);
  expect((await curl(urlOf(ENDLESS), "-I")).status).toBe(200);
  outcomes.length = 0;
});

test("a query that cannot be run is answered with 500, and only the log is told what is wrong with it", async () => {
  const response = await fetch(urlOf("SELECT secret FROM nowhere"));
  expect(response.status).toBe(500);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(response.headers.has("Content-Disposition")).toBe(false);
  expect(await response.json()).toEqual({
    title: "Internal Server Error",
    status: 500,
    detail: "The query is not one that can be run",
  });
  expect(reports.take("SOURCE_FAILED")).toMatchObject([
    { error: { code: "ERR_QUERY", message: "no such table: nowhere" } },
  ]);
});

test("a database that is missing is answered with 500", async () => {
  await using missing = sqlite(join(folder, "missing.db"));
  const response = await rowsResponse(new Request("http://x/"), missing.query("SELECT 1"));
  expect([response.status, await response.json()]).toEqual([
    500,
    { title: "Internal Server Error", status: 500, detail: "The database cannot be read" },
  ]);
  expect(reports.take("SOURCE_FAILED")).toMatchObject([
    { error: { code: "ERR_DATABASE", message: "unable to open database file" } },
  ]);
});

test("a query that fails before its first row is answered with 500 by our own server", async () => {
  const { status, body, exitCode } = await curl(urlOf("SELECT json('{')"));
  expect([status, exitCode, JSON.parse(body.toString())]).toEqual([
    500,
    0,
    { title: "Internal Server Error", status: 500 },
  ]);
  expect(outcomes.pop()).toMatchObject({ outcome: "failed", bytes: 0, error: { code: "ERR_QUERY" } });
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

test.each(["--http1.1", "--http1.0"])(
  "a query that fails after its first rows breaks the connection (%s)",
  async (version) => {
    const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)
    SELECT i, json(CASE i WHEN 150000 THEN '{' ELSE '1' END) FROM n`;
    const { status, exitCode, body } = await curl(urlOf(sql), version);
    expect([status, [18, 56].includes(exitCode)]).toEqual([200, true]);
    expect(body.toString()).toMatch(/^i,.*\r\n1,1\r\n2,1\r\n/u);
    expect(body.toString()).not.toContain("malformed");
    expect(outcomes.pop()).toMatchObject({ outcome: "failed", error: { code: "ERR_QUERY" } });
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  },
);

test("a reader process that is killed after the first rows breaks the connection", async () => {
  // After its first rows it is busy, and stays so.
  const response = await fetch(urlOf(`${ENDLESS_ROWS} WHERE i < 50000`));
  const reader = response.body!.getReader();
  await reader.read();
  for (const pid of readersOf(path)) process.kill(pid, "SIGKILL");
  const readOn = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  await expect(readOn()).rejects.toThrow(TypeError);
  expect(outcomes.pop()).toMatchObject({ outcome: "failed", error: { code: "ERR_DATABASE" } });
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

test("too many queries at a time are answered with 503, and when to come back", async () => {
  const leaving = new AbortController();
  const busy = Array.from({ length: 4 }, () => fetch(urlOf(ENDLESS), { signal: leaving.signal }).catch(() => {}));
  await until(() => server.active === 4, "4 queries that run");
  const response = await fetch(server.url);
  expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "1"]);
  leaving.abort();
  await Promise.all(busy);
  await until(() => outcomes.length === 4, "their outcomes");
  expect((await fetch(server.url)).status).toBe(200);
  await until(() => outcomes.length === 5, "its outcome");
  outcomes.length = 0;
});

test("rows of a slow query come as they are made", async () => {
  // The last row takes long enough for the reader to see those before it.
  const sql = `SELECT 1 AS a UNION ALL SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) SELECT i FROM n)
    UNION ALL SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000000) SELECT i FROM n)`;
  const response = await fetch(urlOf(sql));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.endsWith("400000\r\n")) text += (await reader.read()).value!;
  expect(text).toBe("a\r\n1\r\n400000\r\n");
  await reader.cancel();
  await until(() => outcomes.length > 0, "the outcome");
  expect(outcomes.pop()).toMatchObject({ outcome: "aborted" });
});

test("misuse rejects", async () => {
  const request = new Request("http://x/");
  const query = database.query("SELECT 1");
  await expect(rowsResponse(request, query, { format: "xls" as never })).rejects.toMatchObject({
    code: "ERR_INVALID_OPTION",
  });
  await expect(rowsResponse(request, query, { format: "toString" as never })).rejects.toMatchObject({
    code: "ERR_INVALID_OPTION",
  });
  await expect(rowsResponse(request, "SELECT 1" as never)).rejects.toMatchObject({ code: "ERR_SOURCE_TYPE" });
  await expect(rowsResponse(request, query, { commitAfterMs: -1 })).rejects.toMatchObject({
    code: "ERR_INVALID_OPTION",
  });
});
