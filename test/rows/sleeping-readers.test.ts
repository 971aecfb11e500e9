import { join } from "node:path";
import { expect, test } from "vitest";
import { rowsResponse } from "../../src/index.ts";
import { serve } from "../../src/node/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { settled, until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { ENDLESS_ROWS, cpuMs, makeDatabase, readersOf, temporaryFolder } from "./support.ts";

const READERS = 8;
/** What one may hold here: what was read from the pipe, and what is in the hand of the socket. */
const EACH_BYTES = 512 * 1024;

test("readers who sleep hold up their queries, and nothing gathers here or there", { timeout: 60_000 }, async () => {
  const path = makeDatabase(join(temporaryFolder(), "endless.db"), "CREATE TABLE t (a)");
  await using database = sqlite(path);
  await using server = await serve((request) => rowsResponse(request, database.query(ENDLESS_ROWS)), { port: 0 });
  global.gc!();
  const before = process.memoryUsage().arrayBuffers;
  const clients: RawClient[] = [];
  for (let index = 0; index < READERS; index++) {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    client.get("/");
    await until(() => client.byteLength > 0, "the first rows");
    client.pause();
  }
  const pids = readersOf(path);
  expect(pids).toHaveLength(READERS);
  // Their queries stand still: no time goes by for them.
  await settled(() => pids.reduce((sum, pid) => sum + cpuMs(pid), 0), "the queries", 500, 30_000);
  const received = clients.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const heldBytes = (): number => {
    global.gc!();
    return process.memoryUsage().arrayBuffers - before - received;
  };
  // A collection may leave to the next one what it has found.
  await until(() => heldBytes() < READERS * EACH_BYTES, `less than ${EACH_BYTES} bytes a reader`);
  for (const client of clients) client.destroy();
});
