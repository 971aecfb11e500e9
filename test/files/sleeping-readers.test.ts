import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { fileResponse } from "../../src/index.ts";
import { settled, until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { serveHere, temporaryFolder } from "./support.ts";

const READERS = 40;
/** What one may hold, with the slack of its client's buffers in this process; what the server holds is told in test/node/past-the-queue. */
const EACH_BYTES = 160 * 1024;

test("readers who sleep cost a read or two each, however large the file is", async () => {
  const path = join(temporaryFolder(), "large.bin");
  writeFileSync(path, "");
  truncateSync(path, 4 * 1024 ** 3);
  await using server = await serveHere((request) => fileResponse(request, path));
  global.gc!();
  const before = process.memoryUsage().arrayBuffers;
  const clients: RawClient[] = [];
  for (let index = 0; index < READERS; index++) {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    client.get("/");
    await until(() => client.byteLength > 0, "the first bytes");
    client.pause();
  }
  const heldBytes = (): number => {
    global.gc!();
    const received = clients.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return process.memoryUsage().arrayBuffers - before - received;
  };
  await settled(() => clients.reduce((sum, { byteLength }) => sum + byteLength, 0), "what has come");
  // A collection may leave to the next one what it has found.
  await until(() => heldBytes() < READERS * EACH_BYTES, `less than ${EACH_BYTES} bytes a reader`);
  for (const client of clients) client.destroy();
});
