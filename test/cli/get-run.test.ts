import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GetProcess } from "../client/run-get.ts";
import { startCutter } from "../helpers/cutting-proxy.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type ExportServer, makeDatabase, serveExports } from "../server/support.ts";

const ROWS = 400_000;
/** A connection is cut when so many bytes have come through it. */
const CUT_AFTER_BYTES = 1_500_000;
const folder = temporaryFolder();
let server: ExportServer;

beforeAll(async () => {
  const path = makeDatabase(
    join(folder.path, "app.db"),
    `CREATE TABLE large (i INTEGER PRIMARY KEY, s TEXT);
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
       INSERT INTO large SELECT i, 'row ' || i FROM n`,
  );
  server = await serveExports({ database: `sqlite:${path}` });
});
afterAll(() => server[Symbol.asyncDispose]());

test("a download of a run goes on after each cut, on the first address, with the same bytes", async () => {
  await using cutter = await startCutter(server.url, () => CUT_AFTER_BYTES);
  await using run = new GetProcess(folder.path, `${cutter.url}/export/large.csv?resumable=1`, "-o", "large.csv");
  expect([await run.end(), run.stderr]).toEqual([0, run.stderr]);
  expect(run.stderr).toContain("sha-256 is right");
  expect(cutter.cuts).toBeGreaterThan(2);
  const whole = await (await fetch(`${server.url}/export/large.csv`)).text();
  expect(readFileSync(join(folder.path, "large.csv"), "utf8")).toBe(whole);
  expect(whole.split("\r\n")).toHaveLength(ROWS + 2);
});

test("Parquet comes by its redirect, and is verified", async () => {
  await using run = new GetProcess(folder.path, `${server.url}/export/large.parquet`);
  expect([await run.end(), run.stderr]).toEqual([0, run.stderr]);
  expect(run.stderr).toMatch(/large\.parquet: \d+ bytes,.* sha-256 is right/u);
  expect(readFileSync(join(folder.path, "large.parquet")).subarray(-4).toString()).toBe("PAR1");
});
