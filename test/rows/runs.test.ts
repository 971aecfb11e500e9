import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type RowsInit, type RowsOutcome, type Spool, openSpool, rowsResponse } from "sluice";
import { type SqliteDatabase, sqlite } from "sluice/databases/sqlite";
import { serve } from "sluice/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const ROWS = 300_000;
const folder = temporaryFolder();
const path = join(folder.path, "runs.db");
const reports = watchReports();
let database: SqliteDatabase;
let spool: Spool;

beforeAll(async () => {
  using made = new DatabaseSync(path);
  made.exec(`CREATE TABLE t (i INTEGER PRIMARY KEY, s TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO t SELECT i, 'row ' || i || ' of a table that is read whole' FROM n`);
  database = sqlite(path);
  spool = await openSpool({ folder: mkdtempSync(join(folder.path, "spool-")) });
});
afterAll(async () => {
  await database.destroy();
  await spool.close();
});

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly outcomes: RowsOutcome[];
}

async function start(sql: string, init: RowsInit = {}): Promise<Server> {
  const outcomes: RowsOutcome[] = [];
  const server = await serve(
    (request) =>
      rowsResponse(request, database.query(sql), {
        resumable: true,
        spool,
        onFinish: (outcome) => void outcomes.push(outcome),
        ...init,
      }),
    { port: 0 },
  );
  return { url: server.url, outcomes, [Symbol.asyncDispose]: () => server.destroy() };
}

const SELECT = "SELECT i, s FROM t";
const live = async (): Promise<string> => {
  await using server = await start(SELECT, { resumable: false });
  return await (await fetch(`${server.url}/t.csv`)).text();
};

test("a run gives the bytes of a live export, and says how many rows it has", async () => {
  await using server = await start(SELECT);
  const first = await fetch(`${server.url}/t.csv`, { redirect: "manual" });
  expect([first.status, first.headers.get("Cache-Control")]).toEqual([303, "no-store"]);
  const url = new URL(first.headers.get("Location")!, `${server.url}/t.csv`);
  const response = await fetch(url);
  expect(await response.text()).toBe(await live());
  await spool.list()[0]!.ended;
  const finished = await fetch(url);
  expect(Object.fromEntries(finished.headers)).toMatchObject({
    "accept-ranges": "bytes",
    "content-type": expect.stringContaining("text/csv"),
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/u),
    "repr-digest": expect.stringMatching(/^sha-256=/u),
    "x-rows": String(ROWS),
    "x-status": "complete",
  });
  expect(finished.headers.get("Trailer")).toBeNull();
  await finished.body?.cancel();
  await until(() => server.outcomes.length === 2, "both outcomes");
  expect(server.outcomes[0]).toMatchObject({ outcome: "completed", format: "csv", rows: ROWS, truncated: false });
});

test("the database is free long before a slow reader has all", async () => {
  await using server = await start(SELECT);
  const response = await fetch(`${server.url}/t.csv`);
  const reader = response.body!.getReader();
  await reader.read();
  await within(spool.list()[0]!.ended, "the end of the run");
  expect(database.stats().running).toBe(0);
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) bytes += part.value.byteLength;
  expect(bytes).toBeGreaterThan(1_000_000);
});

test("requests that share get one run, of one format and one caller", async () => {
  await using server = await start(SELECT, { share: "t", caller: "ada" });
  await using other = await start(SELECT, { share: "t", caller: "bob" });
  const runOf = async (url: string): Promise<string> =>
    new URL((await fetch(url, { redirect: "manual" })).headers.get("Location")!, url).searchParams.get("run")!;
  const runs = await Promise.all([`${server.url}/t.csv`, `${server.url}/t.csv`].map(runOf));
  const csv = runs[0]!;
  expect(runs).toEqual([csv, csv]);
  expect(await runOf(`${server.url}/t.ndjson`)).not.toBe(csv);
  expect(await runOf(`${server.url}/t.csv?limit=5`)).not.toBe(csv);
  expect(await runOf(`${other.url}/t.csv`)).not.toBe(csv);
  expect((await fetch(`${other.url}/t.csv?run=${csv}`)).status).toBe(404);
});

test("curl goes on with its download on the first address", async () => {
  await using server = await start(SELECT, { share: "resumed" });
  const whole = await live();
  const file = join(folder.path, "resumed.csv");
  await fetch(`${server.url}/t.csv`, { redirect: "manual" });
  writeFileSync(file, whole.slice(0, 1_000_003));
  expect(await curl(`${server.url}/t.csv`, "-L", "-C", "-", "-o", file)).toMatchObject({ exitCode: 0, status: 206 });
  expect(readFileSync(file, "utf8")).toBe(whole);
});

test.each([{ share: "the rest" }, {}])("the rest of no run makes none: 409 (%j)", async (init) => {
  await using server = await start(SELECT, init);
  const url = `${server.url}/t.csv`;
  const runs = spool.list().length;
  const ask = (headers: Record<string, string>): Promise<Response> => fetch(url, { headers, redirect: "manual" });
  const refused = await ask({ Range: "bytes=1000-" });
  expect([refused.status, await refused.json()]).toMatchObject([
    409,
    { detail: expect.stringContaining("without Range") },
  ]);
  expect([spool.list().length, server.outcomes]).toEqual([runs, []]);
  const first = await ask({});
  expect(first.headers.get("Location")).toMatch(/^t\.csv\?run=[0-9a-f]{32}$/u);
  // What is not shared is nobody's to join.
  expect((await ask({ Range: "bytes=1000-" })).status).toBe("share" in init ? 303 : 409);
  expect((await ask({ Range: "bytes=1000-", "If-Range": '"another"' })).status).toBe(303);
});

test("a Range on a live export is ignored: another run is another snapshot", async () => {
  await using server = await start(SELECT, { resumable: false });
  const response = await fetch(`${server.url}/t.csv`, { headers: { Range: "bytes=100-" } });
  expect([response.status, response.headers.get("Accept-Ranges")]).toEqual([200, "none"]);
  expect((await response.text()).length).toBeGreaterThan(1_000_000);
});

test("Parquet is a run, too", async () => {
  await using server = await start(SELECT);
  const bytes = Buffer.from(await (await fetch(`${server.url}/t.parquet`)).arrayBuffer());
  expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual(["PAR1", "PAR1"]);
});

test("a query that cannot be run has its status at once, and no run", async () => {
  await using server = await start("SELECT missing FROM t", { explain: true });
  const runs = spool.list().length;
  const response = await fetch(`${server.url}/t.csv`, { redirect: "manual" });
  expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([
    400,
    expect.stringContaining("no such column: missing"),
  ]);
  expect(spool.list()).toHaveLength(runs);
});

test("a query that fails later breaks its readers, and those who come after are told", async () => {
  await using server = await start(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
      SELECT i, json(CASE i WHEN ${ROWS} THEN '{' ELSE '1' END) AS j FROM n`,
  );
  const url = `${server.url}/n.csv`;
  const first = await fetch(url, { redirect: "manual" });
  const run = new URL(first.headers.get("Location")!, url).href;
  // Before its first byte it would be a status.
  expect(await curl(run)).toMatchObject({ exitCode: 18, status: 200 });
  await spool.list()[0]!.ended;
  const later = await fetch(run);
  expect([later.status, await later.text()]).toEqual([500, expect.not.stringContaining("malformed")]);
  expect(reports.takeAll().map(({ message }) => message)).toEqual(
    expect.arrayContaining(["The source of a spooled body failed", "The source of a response failed"]),
  );
});
