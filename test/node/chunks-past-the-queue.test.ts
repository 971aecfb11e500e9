import { createHash, randomBytes } from "node:crypto";
import { type writevSync, writeSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { finished } from "node:stream/promises";
import { openSpool, spooled } from "sluice";
import { toNodeListener } from "sluice/node";
import { afterEach, expect, test, vi } from "vitest";
import { temporaryFolder } from "../files/support.ts";
import { until } from "../helpers/deadline.ts";

/** How much the kernel takes of each write: undefined for all that it wants. */
let mostTaken: (() => number) | undefined;
const sizes: number[] = [];

vi.mock(import("node:fs"), async (original) => {
  const fs = await original();
  const writev = (descriptor: number, parts: readonly Uint8Array[], ...rest: []): number => {
    sizes.push(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
    if (!mostTaken) return fs.writevSync(descriptor, parts, ...rest);
    const most = mostTaken();
    if (most === 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
    return writeSync(descriptor, Buffer.concat(parts).subarray(0, most));
  };
  return { ...fs, writevSync: writev as typeof writevSync };
});

afterEach(() => {
  mostTaken = undefined;
  sizes.length = 0;
});

const BYTES = randomBytes(12_000_000);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

/** Reads a run that has not ended, from its first byte to the end, and ends it when all that there is has come. */
async function read(onData: (received: number, response: NodeJS.ReadableStream) => void = () => {}): Promise<string> {
  const spool = await openSpool({ folder: temporaryFolder() });
  const ending = Promise.withResolvers<void>();
  const run = spooled(
    "run",
    async function* () {
      yield BYTES;
      await ending.promise;
    },
    { spool },
  );
  const server = createServer(toNodeListener(run));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const asked = await fetch(`${origin}/`, { redirect: "manual" });
    const url = new URL(asked.headers.get("Location")!, origin);
    await until(() => spool.get(url.searchParams.get("run")!)?.length === BYTES.byteLength, "all of its bytes");
    const hash = createHash("sha256");
    let received = 0;
    await new Promise<void>((resolve, reject) => {
      get(url, (response) => {
        expect(response.headers["transfer-encoding"]).toBe("chunked");
        response.on("data", (bytes: Buffer) => {
          hash.update(bytes);
          received += bytes.byteLength;
          onData(received, response);
          if (received === BYTES.byteLength) ending.resolve();
        });
        finished(response).then(resolve, reject);
      }).on("error", reject);
    });
    return hash.digest("hex");
  } finally {
    server.closeAllConnections();
    server.close();
    await spool.close();
  }
}

test("what grows goes to the kernel in blocks, each a chunk", async () => {
  expect(await read()).toBe(SHA256);
  expect(Math.max(...sizes)).toBeGreaterThan(1_000_000);
});

test("a reader who sleeps in the middle of chunks gets the rest of them", async () => {
  let pauses = 0;
  const nextAt = (): number => 500_000 + pauses * 1_500_000;
  const onData = (received: number, response: NodeJS.ReadableStream): void => {
    if (received < nextAt()) return;
    pauses++;
    response.pause();
    // Long enough for his blocks to be given back.
    setTimeout(() => response.resume(), 120);
  };
  expect(await read(onData)).toBe(SHA256);
  expect(pauses).toBeGreaterThan(5);
});

test.each([
  ["a byte of each", (): number => 1],
  ["the head of a chunk, or a part of it", (index: number): number => index % 9],
  ["all but the end of a chunk", (index: number): number => (sizes.at(-1) ?? 0) - (index % 4)],
  ["some of it", (index: number): number => (index * 7919) % 70_000],
])("nothing is lost where the kernel takes %s", async (_what, most) => {
  let writes = 0;
  mostTaken = () => (writes++ < 1000 ? Math.max(0, most(writes)) : Infinity);
  expect(await read()).toBe(SHA256);
  expect(sizes.length).toBeGreaterThan(5);
});
