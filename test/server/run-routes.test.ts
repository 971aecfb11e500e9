import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type ExportServer, makeDatabase, problemOf, serveExports } from "./support.ts";

const ROWS = 200_000;
const folder = temporaryFolder();
const path = makeDatabase(
  join(folder.path, "runs.db"),
  `CREATE TABLE large (i INTEGER PRIMARY KEY, s TEXT);
   WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
     INSERT INTO large SELECT i, 'row ' || i FROM n;
   CREATE TABLE small (a INTEGER); INSERT INTO small VALUES (1), (2);`,
);
const spool = mkdtempSync(join(folder.path, "spool-"));
let server: ExportServer;

interface Run {
  id: string;
  state: string;
  rows: number;
  bytes: number;
  sha256?: string;
  readers: number;
  name: string;
  format: string;
  failure?: string;
  data: string;
}

function start(): Promise<ExportServer> {
  return serveExports({
    database: `sqlite:${path}`,
    spool,
    allowSql: true,
    queries: {
      since: { sql: "SELECT i, s FROM large WHERE i >= :least ORDER BY i", params: { least: { type: "integer" } } },
      always: { sql: "SELECT 1 AS one", resumable: true },
      endless: {
        sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
      },
    },
  });
}

beforeAll(async () => {
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

const get = (target: string, init: RequestInit = {}): Promise<Response> =>
  fetch(server.url + target, { redirect: "manual", ...init });
const runOf = async (response: Response): Promise<string> => {
  expect(response.status).toBe(303);
  return response.headers.get("Location")!.split("/").at(-2)!;
};
const stateOf = async (id: string): Promise<Run> => (await (await get(`/exports/${id}`)).json()) as Run;
const ended = async (id: string): Promise<Run> => {
  let state = await stateOf(id);
  const deadline = performance.now() + 10_000;
  while (state.state === "writing" && performance.now() < deadline) state = await stateOf(id);
  return state;
};

test("?resumable=1 sends to a run, whose state and bytes are at addresses of their own", async () => {
  const id = await runOf(await get("/export/large.csv?resumable=1"));
  expect(await ended(id)).toMatchObject({
    id,
    name: "large",
    format: "csv",
    state: "finished",
    rows: ROWS,
    truncated: false,
    readers: 0,
    data: `/exports/${id}/data`,
  });
  const live = await (await get("/export/large.csv")).text();
  const data = await get(`/exports/${id}/data`);
  expect([data.headers.get("Content-Disposition"), data.headers.get("X-Rows")]).toEqual([
    expect.stringContaining('filename="large.csv"'),
    String(ROWS),
  ]);
  expect(await data.text()).toBe(live);
  const state = await stateOf(id);
  expect(state.bytes).toBe(live.length);
  expect(state.sha256).toMatch(/^[0-9a-f]{64}$/u);
});

test("the same query with the same parameters is one run; with others it is another", async () => {
  const targets = ["5", "5", "6"].map((least) => `/export/since.csv?resumable=1&least=${least}`);
  const ids: string[] = [];
  for (const target of targets) ids.push(await runOf(await get(target)));
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});

test("curl goes on, on the address it knows", async () => {
  const whole = await (await get("/export/large.csv")).text();
  const file = join(folder.path, "large.csv");
  await runOf(await get("/export/large.csv?resumable=1"));
  writeFileSync(file, whole.slice(0, 500_000));
  const resumed = await curl(`${server.url}/export/large.csv?resumable=1`, "-L", "-C", "-", "-o", file);
  expect(resumed).toMatchObject({ exitCode: 0, status: 206 });
  expect(readFileSync(file, "utf8")).toBe(whole);
});

test("the rest of a run that is not there is refused, and begins none", async () => {
  const runs = async (): Promise<number> => ((await (await get("/exports")).json()) as Run[]).length;
  const before = await runs();
  const refused = await get("/export/since.csv?resumable=1&least=99", { headers: { Range: "bytes=100-" } });
  expect(await problemOf(refused)).toEqual([409, expect.stringContaining("begin anew")]);
  expect(await runs()).toBe(before);
});

test("Parquet is always a run, and so is a query whose configuration says so, unless the request does not want it", async () => {
  await runOf(await get("/export/small.parquet"));
  await runOf(await get("/export/always.csv"));
  expect((await get("/export/always.csv?resumable=0")).status).toBe(200);
  expect((await get("/export/small.csv")).status).toBe(200);
});

test("POST begins a run that nobody reads", async () => {
  const response = await get("/exports", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: "since", format: "ndjson", params: { least: ROWS - 1 } }),
  });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as Run;
  expect(response.headers.get("Location")).toBe(`/exports/${id}`);
  expect(await ended(id)).toMatchObject({ state: "finished", rows: 2, format: "ndjson" });
  const listed = (await (await get("/exports")).json()) as Run[];
  expect(listed[0]).toMatchObject({ id });
});

test.each<[what: string, body: unknown, detail: string]>([
  ["no name", {}, "name is a table's, or a query's"],
  ["an unknown format", { name: "small", format: "xml" }, "format is one of csv"],
  ["an unknown member", { name: "small", shape: 1 }, 'There is no "shape"'],
  ["params that are none", { name: "small", params: [1] }, "params is an object"],
])("POST with %s is 400", async (_what, body, detail) => {
  const headers = { "Content-Type": "application/json" };
  const response = await get("/exports", { method: "POST", headers, body: JSON.stringify(body) });
  expect(await problemOf(response)).toEqual([400, expect.stringContaining(detail)]);
});

test("DELETE stops a run, its query and its readers", async () => {
  const id = await runOf(await get("/export/endless.csv?resumable=1"));
  const reading = await get(`/exports/${id}/data`);
  const reader = reading.body!.getReader();
  await reader.read();
  expect(await stateOf(id)).toMatchObject({ state: "writing", readers: 1 });
  expect((await get(`/exports/${id}`, { method: "DELETE" })).status).toBe(204);
  const rest = (async () => {
    for (;;) if ((await reader.read()).done) return;
  })();
  await expect(rest).rejects.toThrow("terminated");
  expect((await get(`/exports/${id}`)).status).toBe(404);
  expect((await get(`/exports/${id}/data`)).status).toBe(404);
});

test("a run that is not there, and methods that are not, are told", async () => {
  expect((await get(`/exports/${"0".repeat(32)}`)).status).toBe(404);
  expect((await get("/exports/x", { method: "PUT" })).status).toBe(405);
  expect((await get("/exports/x/data", { method: "POST" })).status).toBe(405);
  expect((await get("/export/small.csv?resumable=maybe")).status).toBe(400);
  const other = await get("/exports/x", { method: "DELETE", headers: { "Sec-Fetch-Site": "cross-site" } });
  expect(other.status).toBe(403);
});

test("finished runs are served by the next server as by this one", async () => {
  const id = await runOf(await get("/export/large.tsv?resumable=1"));
  const { sha256 } = await ended(id);
  await server[Symbol.asyncDispose]();
  server = await start();
  expect(await stateOf(id)).toMatchObject({ state: "finished", sha256, rows: ROWS });
  const again = await runOf(await get("/export/large.tsv?resumable=1"));
  expect(again).toBe(id);
});
