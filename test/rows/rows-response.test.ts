import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, get } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RowQuery, type RowsInit, type RowsOutcome, rowsResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { ENDLESS, ENDLESS_ROWS, makeDatabase, readersOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(
  join(folder, "rows.db"),
  "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'Ada'), (2, 'O''Brien, \"Bo\"')",
);
const database = sqlite(path, { maxQueries: 4 });
const reports = watchReports();
const outcomes: RowsOutcome[] = [];
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
  const response = await fetch(server.url, { headers: { "Accept-Encoding": "identity" } });
  expect(await response.text()).toBe('"id","name"\r\n1,"Ada"\r\n2,"O\'Brien, ""Bo"""\r\n');
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/csv; charset=utf-8; header=present",
    "content-disposition": 'attachment; filename="Leute, alle.csv"',
    "accept-ranges": "none",
    "x-content-type-options": "nosniff",
  });
  expect(outcomes.pop()).toMatchObject({ outcome: "completed", bytes: 43, rows: 2, format: "csv", truncated: false });
});

test("HEAD says what GET would, and asks the database nothing", async () => {
  let opened = 0;
  const query: RowQuery = {
    open() {
      opened++;
      throw new Error("HEAD must not come here");
    },
    describe() {
      throw new Error("HEAD must not come here");
    },
  };
  const ends: RowsOutcome[] = [];
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

test("a query that cannot be run is answered with 400, and only the log is told what is wrong with it", async () => {
  const response = await fetch(urlOf("SELECT secret FROM nowhere"));
  expect(response.status).toBe(400);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(response.headers.has("Content-Disposition")).toBe(false);
  expect(await response.json()).toEqual({
    title: "Bad Request",
    status: 400,
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

test("a query that fails before its first row is answered with 400 by our own server", async () => {
  const { status, body, exitCode } = await curl(urlOf("SELECT json('{')"));
  expect([status, exitCode, JSON.parse(body.toString())]).toEqual([
    400,
    0,
    { title: "Bad Request", status: 400, detail: "The query is not one that can be run" },
  ]);
  expect(outcomes.pop()).toMatchObject({
    outcome: "failed",
    bytes: 0,
    error: { status: 400, cause: { code: "ERR_QUERY" } },
  });
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

test.each(["--http1.1", "--http1.0"])(
  "a query that fails after its first rows breaks the connection (%s)",
  async (version) => {
    const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)
    SELECT i, json(CASE i WHEN 150000 THEN '{' ELSE '1' END) FROM n`;
    const { status, exitCode, body } = await curl(urlOf(sql), version);
    expect([status, [18, 56].includes(exitCode)]).toEqual([200, true]);
    expect(body.toString()).toMatch(/^"i",.*\r\n1,"1"\r\n2,"1"\r\n/u);
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
  expect(text).toBe('"a"\r\n1\r\n400000\r\n');
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

test("the trailer says how many rows there were, that they are all, and what their bytes are", async () => {
  const raw = await RawClient.connect(server.port);
  raw.get("/");
  await until(() => raw.text.endsWith("\r\n\r\n") && raw.text.includes("Repr-Digest: "), "the trailer");
  expect(raw.text).toContain("trailer: X-Rows, X-Status, Repr-Digest");
  expect(raw.text).toMatch(/\r\n0\r\nX-Rows: 2\r\nX-Status: complete\r\nRepr-Digest: sha-256=:[\w+/=]{44}:\r\n\r\n$/u);
  raw.destroy();
});

test("the digest is of the bytes as they are coded", async () => {
  const [answer] = (await once(
    get(urlOf(`${ENDLESS_ROWS} LIMIT 5000`), { headers: { "Accept-Encoding": "gzip" } }),
    "response",
  )) as [IncomingMessage];
  const body = Buffer.concat(await answer.toArray());
  expect(answer.headers["content-encoding"]).toBe("gzip");
  expect(answer.trailers["repr-digest"]).toBe(`sha-256=:${createHash("sha256").update(body).digest("base64")}:`);
  expect(gunzipSync(body).toString().split("\r\n")).toHaveLength(5002);
});

const ask = (init: RowsInit, url = "http://x/", headers: Record<string, string> = {}): Promise<Response> =>
  rowsResponse(new Request(url, { headers }), database.query("SELECT * FROM people"), init);

test("a request that is asked chooses the format, and in which way it is written", async () => {
  const byPath = await ask({}, "http://x/people.ndjson");
  expect([byPath.headers.get("Content-Type"), byPath.headers.get("Vary")]).toEqual(["application/x-ndjson", null]);
  expect(await byPath.text()).toBe('{"id":1,"name":"Ada"}\n{"id":2,"name":"O\'Brien, \\"Bo\\""}\n');
  const byAccept = await ask({ filename: "people" }, "http://x/people", { Accept: "text/tab-separated-values" });
  expect([byAccept.headers.get("Vary"), byAccept.headers.get("Content-Disposition")]).toEqual([
    "Accept",
    'attachment; filename="people.tsv"',
  ]);
  await byAccept.body!.cancel();
  const asked = await ask({}, "http://x/people.csv?profile=excel&header=0&limit=1");
  expect(asked.headers.get("Content-Type")).toBe("text/csv; charset=utf-8; header=absent");
  expect(asked.headers.get("X-Csv-Profile")).toBe("excel");
  expect(await asked.text()).toBe('1,"Ada"\r\n');
  const fixed = await ask({ format: "csv" }, "http://x/people.json?header=0");
  expect(await fixed.text()).toMatch(/^"id","name"\r\n/u);
});

test("what a request may not have is told: 400 and 406", async () => {
  const wrong = await ask({}, "http://x/people.csv?eol=cr");
  expect([wrong.status, await wrong.json()]).toMatchObject([
    400,
    { detail: expect.stringContaining("eol is one of") as string },
  ]);
  const none = await ask({ formats: ["csv", "json"] }, "http://x/people", { Accept: "image/png" });
  expect([none.status, await none.json()]).toMatchObject([
    406,
    { detail: "The rows can be had as csv (text/csv), json (application/json)" },
  ]);
});

test("rows that a cap has cut are told from rows that are all", async () => {
  const ends: RowsOutcome[] = [];
  const trailersOf = async (init: RowsInit): Promise<string[]> => {
    await using cut = await serve((request) => rowsResponse(request, database.query("SELECT * FROM people"), init), {
      port: 0,
    });
    const raw = await RawClient.connect(cut.port);
    raw.get("/");
    await until(() => raw.text.includes("Repr-Digest: ") && raw.text.endsWith("\r\n\r\n"), "the trailer");
    raw.destroy();
    return /X-Rows: (\d+)\r\nX-Status: (\w+)/u.exec(raw.text)!.slice(1);
  };
  const onFinish = (outcome: RowsOutcome): void => void ends.push(outcome);
  expect(await trailersOf({ maxRows: 1, onFinish })).toEqual(["1", "truncated"]);
  expect(await trailersOf({ maxRows: 2, onFinish })).toEqual(["2", "complete"]);
  expect(await trailersOf({ limit: 1, maxRows: 2, onFinish })).toEqual(["1", "complete"]);
  expect(ends.map(({ rows, truncated }) => [rows, truncated])).toEqual([
    [1, true],
    [2, false],
    [1, false],
  ]);
});

test("who is strict gets a broken body instead of a cut one", async () => {
  const response = await ask({ format: "csv", maxRows: 1, strict: true });
  await expect(response.text()).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
  const whole = await ask({ format: "csv", maxRows: 2, strict: true });
  expect(await whole.text()).toContain('2,"O');
});

test("who is strict is not sent one column of CSV in which NULL has no form", async () => {
  const names = (init: RowsInit): Promise<Response> =>
    rowsResponse(new Request("http://x/"), database.query("SELECT name FROM people"), {
      format: "csv",
      strict: true,
      ...init,
    });
  expect((await names({})).status).toBe(400);
  const response = await names({ options: { null: "\\N" } });
  expect(response.status).toBe(200);
  await response.body!.cancel();
});

test("a client that wrote the statement is told what is wrong with it, and where", async () => {
  const response = await rowsResponse(new Request("http://x/"), database.query("SELECT missing FROM people"), {
    explain: true,
  });
  expect([response.status, await response.json()]).toEqual([
    400,
    { title: "Bad Request", status: 400, detail: "no such column: missing", position: 8, code: "SQLITE_ERROR" },
  ]);
  const denied = await rowsResponse(new Request("http://x/"), database.query("DELETE FROM people RETURNING id"), {
    explain: true,
  });
  expect([denied.status, await denied.json()]).toMatchObject([
    403,
    { detail: expect.stringContaining("only reads") as string },
  ]);
});

test("it is told, too, what is wrong with the first row", async () => {
  await using explaining = await serve(
    (request) => rowsResponse(request, database.query("SELECT json('{')"), { explain: true }),
    { port: 0 },
  );
  const { status, body } = await curl(explaining.url);
  expect([status, JSON.parse(body.toString())]).toEqual([
    400,
    { title: "Bad Request", status: 400, detail: "malformed JSON", code: "SQLITE_ERROR" },
  ]);
});

test("a query that is too slow to its first row is answered with 504", async () => {
  await using slow = await serve(
    (request) => rowsResponse(request, database.query(ENDLESS), { firstRowTimeoutMs: 300 }),
    { port: 0 },
  );
  const { status, body } = await curl(slow.url);
  expect([status, JSON.parse(body.toString())]).toMatchObject([504, { detail: "The query gave no row within 0.3 s" }]);
});

test("a snapshot that is too old is let go, and its body breaks", async () => {
  await using slow = await serve(
    (request) => rowsResponse(request, database.query(ENDLESS_ROWS), { maxSnapshotAgeMs: 500 }),
    { port: 0 },
  );
  const { status, exitCode } = await curl(slow.url, "-o", "/dev/null");
  expect([status, exitCode]).toEqual([200, 18]);
  expect(reports.take("SOURCE_FAILED")).toMatchObject([{ error: { code: "ERR_SNAPSHOT_AGE" } }]);
  await until(() => database.stats().running === 0, "the end of the query");
});
