import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeEach, expect, test } from "vitest";
import { type Outcome, rowsResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { settled, until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { ENDLESS, ENDLESS_ROWS, cpuMs, makeDatabase, readersOf, temporaryFolder } from "./support.ts";

/** What is promised: a second after the reader has left nothing of its query is there. */
const WITHIN_MS = 1_000;

const path = makeDatabase(join(temporaryFolder(), "busy.db"), "CREATE TABLE t (a)");
watchReports();

const outcomes: Outcome[] = [];
beforeEach(() => void (outcomes.length = 0));

/** Each test has readers of its own: none that is idle. */
async function start(sql: string): Promise<{ server: RunningServer; [Symbol.asyncDispose](): Promise<void> }> {
  const database = sqlite(path);
  const handler = (request: Request): Promise<Response> =>
    rowsResponse(request, database.query(sql), { onFinish: (outcome) => void outcomes.push(outcome) });
  const server = await serve(handler, { port: 0 });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await database.destroy();
    },
  };
}
afterAll(() => expect(readersOf(path)).toEqual([]));

async function isStopped(): Promise<void> {
  await until(() => readersOf(path).length === 0, "the end of the reader process", WITHIN_MS);
  await until(() => outcomes.length === 1, "the outcome", WITHIN_MS);
  expect(outcomes[0]!.outcome).toBe("aborted");
}

test("a query that is busy before its first row is stopped when its reader leaves", async () => {
  await using started = await start(ENDLESS);
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => readersOf(path).some((pid) => cpuMs(pid) > 800), "a busy query");
  client.destroy();
  await isStopped();
});

test("a query that is busy between two rows is stopped when its reader leaves", async () => {
  await using started = await start(`${ENDLESS_ROWS} WHERE i < 100000 OR i < 0`);
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => client.byteLength > 500_000, "the first rows");
  const before = client.byteLength;
  await settled(() => client.byteLength, "the rows that have come");
  expect(client.byteLength).toBeGreaterThanOrEqual(before);
  client.destroy();
  await isStopped();
});

test("a query that waits for a reader who sleeps is not read ahead, and is stopped when he leaves", async () => {
  await using started = await start(ENDLESS_ROWS);
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => client.byteLength > 0, "the first rows");
  client.pause();
  const [pid] = readersOf(path);
  // What lies between is full at some time; then the query stands still, and uses no time.
  await settled(() => cpuMs(pid!), "the query", 500);
  client.reset();
  await isStopped();
});

test("a query whose rows are being read is stopped when its reader leaves", async () => {
  await using started = await start(ENDLESS_ROWS);
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => client.byteLength > 1_000_000, "many rows");
  client.destroy();
  await isStopped();
});

test("a reader who leaves while the query is described leaves nothing behind", async () => {
  await using started = await start(ENDLESS);
  for (let index = 0; index < 5; index++) {
    const client = await RawClient.connect(started.server.port);
    client.get("/");
    client.destroy();
  }
  await until(() => readersOf(path).every((pid) => cpuMs(pid) < 800), "only readers without work");
  await settled(() => readersOf(path).reduce((sum, pid) => sum + cpuMs(pid), 0), "the readers");
});

test("a query that waits for a writer to be described is stopped when its reader leaves", async () => {
  const writer = new DatabaseSync(path);
  writer.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  await using started = await start("SELECT * FROM t");
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => readersOf(path).length === 1, "a reader process");
  client.destroy();
  // Less than it would have waited.
  await until(() => readersOf(path).length === 0, "the end of the reader process", WITHIN_MS);
  writer.close();
});

test("a stream that is cancelled, in whatever state, stops its query", async () => {
  const database = sqlite(path);
  for (const sql of [ENDLESS_ROWS, ENDLESS]) {
    const response = await rowsResponse(new Request("http://x/"), database.query(sql));
    const reader = response.body!.getReader();
    const read = reader.read();
    if (sql === ENDLESS) await until(() => readersOf(path).some((pid) => cpuMs(pid) > 800), "a busy query");
    else await read;
    await reader.cancel();
    await until(() => readersOf(path).length === 0, "the end of the reader process", WITHIN_MS);
  }
  const unread = await rowsResponse(new Request("http://x/"), database.query(ENDLESS));
  await unread.body!.cancel();
  const [pid] = readersOf(path);
  // It was not begun: its reader waits for the next.
  await settled(() => cpuMs(pid!), "the reader");
  await database.destroy();
});

test("the server is not held up by a query that is busy", async () => {
  await using started = await start(ENDLESS);
  const client = await RawClient.connect(started.server.port);
  client.get("/");
  await until(() => readersOf(path).some((pid) => cpuMs(pid) > 800), "a busy query");
  let longestMs = 0;
  for (let turn = 0; turn < 50; turn++) {
    const before = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2));
    longestMs = Math.max(longestMs, performance.now() - before);
  }
  expect(longestMs).toBeLessThan(500);
  client.destroy();
  await isStopped();
});
