import { once } from "node:events";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fileResponse } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { Outcomes, openDescriptors, serveHere, temporaryFolder } from "./support.ts";

const SIZE = 32 * 1024 * 1024;
const folder = temporaryFolder();
const path = join(folder, "large.bin");
const outcomes = new Outcomes();
watchReports();
let server: RunningServer;

beforeAll(async () => {
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  server = await serveHere((request) => fileResponse(request, path, { onFinish: outcomes.onFinish }));
});
afterAll(() => server.destroy());

/** Node closes a handle that was forgotten when it is collected, and warns. */
const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));

afterEach(async () => {
  await until(() => openDescriptors(folder) === 0, "closing the file", 1_000);
  expect(warnings).toEqual([]);
  outcomes.all.length = 0;
});

const each = (count: number, task: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, task));

test("20 readers that leave in the middle", async () => {
  await each(20, async () => {
    const client = await RawClient.connect(server.port);
    client.get("/");
    await until(() => client.byteLength > 100_000, "the first bytes");
    client.destroy();
  });
  await until(() => outcomes.all.length === 20, "20 outcomes");
  expect(new Set(outcomes.all.map(({ outcome }) => outcome))).toEqual(new Set(["aborted"]));
});

test("20 readers that have stopped reading, and leave", async () => {
  const clients: RawClient[] = [];
  await each(20, async () => {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    client.get("/");
    await until(() => client.byteLength > 0, "the first bytes");
    client.pause();
  });
  expect(openDescriptors(path)).toBe(20);
  for (const client of clients) client.reset();
});

test("20 readers that leave before they have seen anything", async () => {
  await each(20, async () => {
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.resetAndDestroy();
  });
  // The last answer is behind those: nothing of theirs is still to be opened.
  expect((await fetch(server.url, { headers: { Range: "bytes=0-0" } })).status).toBe(206);
});

test("answers without a body: HEAD, 304, 412, 416, 405", async () => {
  for (const [method, headers] of [
    ["HEAD", {}],
    ["GET", { "If-None-Match": "*" }],
    ["GET", { "If-Match": '"x"' }],
    ["GET", { Range: `bytes=${SIZE}-` }],
    ["POST", {}],
  ] as const) {
    await each(10, async () => void (await fetch(server.url, { method, headers })).arrayBuffer());
    expect(openDescriptors(path)).toBe(0);
  }
});

test("bodies that are read to their end, over HTTP and as a stream", async () => {
  await each(5, async () => expect((await (await fetch(server.url)).arrayBuffer()).byteLength).toBe(SIZE));
  await each(5, async () => {
    const response = await fileResponse(new Request("http://x/"), path);
    expect((await response.arrayBuffer()).byteLength).toBe(SIZE);
  });
});

test("a stream that is cancelled at its beginning, or in the middle, also while a read is under way", async () => {
  const open = async (): Promise<ReadableStream<Uint8Array>> =>
    (await fileResponse(new Request("http://x/"), path)).body!;
  await (await open()).cancel();
  const reader = (await open()).getReader();
  await reader.read();
  await reader.cancel();
  const busy = (await open()).getReader();
  void busy.read();
  await busy.cancel();
});

test("a Response of a GET that answers a HEAD", async () => {
  await using headOnly = await serveHere(async () => fileResponse(new Request("http://x/"), path));
  const response = await fetch(headOnly.url, { method: "HEAD" });
  expect(response.headers.get("Content-Length")).toBe(String(SIZE));
});

test("a file that became shorter", async () => {
  const shrinking = join(folder, "shrinking.bin");
  writeFileSync(shrinking, Buffer.alloc(1_000_000));
  const response = await fileResponse(new Request("http://x/"), shrinking);
  truncateSync(shrinking, 10);
  await expect(response.arrayBuffer()).rejects.toMatchObject({ code: "ERR_FILE_CHANGED" });
});

test("a header that cannot be sent", async () => {
  for (const ETag of ["bad\nvalue", "ä€"]) {
    await expect(fileResponse(new Request("http://x/"), path, { headers: { ETag } })).rejects.toThrow(TypeError);
  }
  expect(statSync(path).size).toBe(SIZE);
});
