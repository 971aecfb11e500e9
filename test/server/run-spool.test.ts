import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type ExportServer, makeDatabase, problemOf, serveExports } from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(join(folder.path, "app.db"));
const database = `sqlite:${path}`;
/** Runs until it is stopped. */
const ENDLESS = `WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted) SELECT n FROM counted`;

const runOf = async (server: ExportServer, target: string): Promise<string> => {
  const response = await fetch(server.url + target, { redirect: "manual" });
  expect(response.status).toBe(303);
  return response.headers.get("Location")!;
};

test("runs are kept with the data, and outlive the server", async () => {
  const data = mkdtempSync(join(folder.path, "data-"));
  let run: string;
  let rows: string;
  {
    await using server = await serveExports({ database, data });
    expect(server.runs).toEqual({ folder: join(data, "spool"), temporary: undefined });
    run = await runOf(server, "/export/orders.csv?resumable=1");
    rows = await (await fetch(server.url + run)).text();
  }
  await using server = await serveExports({ database, data });
  expect(await runOf(server, "/export/orders.csv?resumable=1")).toBe(run);
  expect(await (await fetch(server.url + run)).text()).toBe(rows);
});

test("a second server with the same data keeps its runs in a temporary folder, which goes with it", async () => {
  const data = mkdtempSync(join(folder.path, "data-"));
  await using first = await serveExports({ database, data });
  let place: string;
  {
    await using second = await serveExports({ database, data });
    place = second.runs.folder;
    expect([second.runs.temporary, existsSync(place)]).toEqual([
      `The spool ${first.runs.folder} is open already`,
      true,
    ]);
    expect((await fetch(`${second.url}/export/orders.csv?resumable=1`)).status).toBe(200);
  }
  expect(existsSync(place)).toBe(false);
});

test("data that no folder can be made in is no reason not to serve", async () => {
  const data = join(folder.path, "a file");
  writeFileSync(data, "");
  await using server = await serveExports({ database, data });
  expect(server.runs.temporary).toMatch(/ENOTDIR|EEXIST/u);
  expect((await fetch(`${server.url}/export/orders.csv?resumable=1`)).status).toBe(200);
});

test("runs of another database are not handed out, though its tables have the same names", async () => {
  const other = makeDatabase(
    join(folder.path, "other.db"),
    "CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (7)",
  );
  const data = mkdtempSync(join(folder.path, "data-"));
  let run: string;
  {
    await using server = await serveExports({ database, data });
    run = await runOf(server, "/export/orders.csv?resumable=1");
    await (await fetch(server.url + run)).text();
  }
  await using server = await serveExports({ database: `sqlite:${other}`, data });
  const next = await runOf(server, "/export/orders.csv?resumable=1");
  expect(next).not.toBe(run);
  expect(await (await fetch(server.url + next)).text()).toBe('"id"\r\n7\r\n');
});

test("more runs than may be made at a time are refused before anything is started", async () => {
  await using server = await serveExports({
    database,
    queries: { endless: { sql: ENDLESS }, "endless-too": { sql: `${ENDLESS} WHERE n > 0` } },
    limits: { maxRuns: 1 },
  });
  const run = await runOf(server, "/export/endless.csv?resumable=1");
  // The same one is no other.
  expect(await runOf(server, "/export/endless.csv?resumable=1")).toBe(run);
  const refused = await fetch(`${server.url}/export/endless-too.csv?resumable=1`);
  expect([refused.headers.get("Retry-After"), ...(await problemOf(refused))]).toEqual([
    "5",
    503,
    "Too many runs are being made",
  ]);
  expect(readdirSync(server.runs.folder).filter((name) => name.endsWith(".data"))).toHaveLength(1);
  const stopped = await fetch(server.url + run.replace("/data", ""), { method: "DELETE" });
  expect(stopped.status).toBe(204);
  await runOf(server, "/export/endless-too.csv?resumable=1");
});

test("runs of one caller are limited by themselves", async () => {
  await using server = await serveExports({
    database,
    queries: { endless: { sql: ENDLESS }, "endless-too": { sql: `${ENDLESS} WHERE n > 0` } },
    limits: { maxRunsPerCaller: 1 },
  });
  await runOf(server, "/export/endless.csv?resumable=1");
  const refused = await fetch(`${server.url}/export/endless-too.csv?resumable=1`);
  expect(await problemOf(refused)).toEqual([503, "Too many runs of yours are being made"]);
});
