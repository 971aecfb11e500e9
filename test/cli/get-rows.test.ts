import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultServer, head, sends, sound } from "../client/support.ts";
import { GetProcess } from "../client/run-get.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { GetProgress } from "../../src/cli/get/get-progress.ts";
import { type ExportServer, makeDatabase, serveExports } from "../server/support.ts";

const folder = temporaryFolder();
const TABLE = `
  CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 12345)
  INSERT INTO notes SELECT i, 'line one' || char(10) || '"line" two' FROM n`;
let server: ExportServer;

beforeAll(async () => {
  const database = `sqlite:${makeDatabase(join(folder.path, "app.db"), TABLE)}`;
  const queries = { first: { sql: "SELECT * FROM notes", maxRows: 10 } };
  server = await serveExports({ database, queries });
});
afterAll(() => server[Symbol.asyncDispose]());

/** `sluice get`, which has to end with 0; what it says. */
async function get(url: string, ...args: string[]): Promise<string> {
  await using run = new GetProcess(folder.path, url, ...args);
  expect([await run.end(), run.stderr]).toEqual([0, run.stderr]);
  return run.stderr;
}

test.each(["csv", "csv?profile=excel&sep=1", "csv?header=0", "tsv", "tsv?header=0", "ndjson", "json"])(
  "says how many rows of %s have come",
  async (format) => {
    const file = `all.${format.replaceAll(/\W/gu, "-")}`;
    const said = await get(`${server.url}/export/notes.${format}`, "-o", file);
    expect(said).toMatch(/^sluice: all\.\S+: \d+ bytes, 12,345 rows, sha-256 is right\n$/u);
  },
);

test("gives the file the export's name", async () => {
  await get(`${server.url}/export/notes?format=ndjson`);
  expect(readFileSync(join(folder.path, "notes.ndjson"), "utf8").split("\n")).toHaveLength(12_346);
});

test("says that the server has cut it", async () => {
  const said = await get(`${server.url}/export/first.csv`, "-o", "-");
  expect(said).toMatch(
    /^sluice: standard output: \d+ bytes, 10 rows, sha-256 is right\nsluice: It is not all: .*\(X-Status: truncated\)\n$/u,
  );
});

const chunked = (type: string, body: string, trailers: string): string =>
  `${head(200, `Content-Type: ${type}`, "Transfer-Encoding: chunked", "Trailer: X-Rows")}${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailers}\r\n`;

test("says that other rows have come than the server says", async () => {
  await using faulty = await FaultServer.start(
    sends(chunked("text/csv; header=present", "a\n1\n2\n", "X-Rows: 3\r\n")),
  );
  const said = await get(faulty.url, "-o", "faulty.csv");
  expect(said).toContain("sluice: faulty.csv: 6 bytes, 2 rows, no digest to compare with\n");
  expect(said).toContain("sluice: Not all is right: the server says that it sent 3 rows, and 2 rows have come\n");
});

test("without the server's word it tells what it has counted; where a header may be among them, records", async () => {
  const content = Buffer.from("a\n1\n");
  await using plain = await FaultServer.start(sound({ content, fields: ["Content-Type: text/csv"] }));
  expect(await get(plain.url, "-o", "plain.csv")).toContain("plain.csv: 4 bytes, 2 records, no digest");
  await using bytes = await FaultServer.start(sound({ content, fields: ["Content-Type: text/plain"] }));
  expect(await get(bytes.url, "-o", "bytes.csv")).toContain("bytes.csv: 4 bytes, no digest");
});

test("counts over an interruption within a run, and not at all where an earlier run has begun", async () => {
  const content = Buffer.from('{"a":1}\n'.repeat(5_000));
  const options = { content, fields: ["Content-Type: application/x-ndjson"] };
  const quick = ["--max-retry-delay", "0.05"];
  await using once = await FaultServer.start(sound({ ...options, cutAt: 20_001 }), sound(options));
  expect(await get(once.url, "-o", "once.ndjson", ...quick)).toContain("40000 bytes, 5,000 rows, ");
  await using twice = await FaultServer.start(sound({ ...options, cutAt: 20_001 }), sound(options));
  await using first = new GetProcess(folder.path, twice.url, "-o", "twice.ndjson", "--retries", "0");
  expect(await first.end()).toBe(1);
  expect(await get(twice.url, "-o", "twice.ndjson")).toContain("twice.ndjson: 40000 bytes, no digest");
});

test("the bar has rows and bytes", () => {
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 200 });
  let text = "";
  out.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const progress = new GetProgress(() => "1,234,567 rows", out as unknown as NodeJS.WriteStream);
  progress.update("Getting", 128_974_848, undefined);
  progress.stop();
  expect(text).toContain("Getting  1,234,567 rows  123.0 MiB");
});
