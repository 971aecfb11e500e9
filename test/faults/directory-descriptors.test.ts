import { once } from "node:events";
import { mkdirSync, truncateSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { directory } from "sluice";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ask, writeAt } from "../files/directory-support.ts";
import { openDescriptors, temporaryFolder } from "../files/support.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { send } from "../helpers/wire-client.ts";

const SIZE = 32 * 1024 * 1024;
const ENTRIES = 20_000;
const root = temporaryFolder();
watchReports();
let server: RunningServer;
let secure: RunningServer;

/** Node closes a handle that was forgotten when it is collected, and warns. */
const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));

/** Bodies that are longer than what a connection takes, and how they are asked for. */
const LONG: Record<string, [target: string, ...fields: string[]]> = {
  "a file": ["/large.bin"],
  "a part of it": ["/large.bin", `Range: bytes=100-${SIZE - 100}`],
  "several parts of it": ["/large.bin", `Range: bytes=0-9,500-${SIZE - 1000}`],
  "what lies beside it, coded": ["/text.txt", "Accept-Encoding: gzip"],
  "an index": ["/indexed/"],
  "a listing": ["/many/"],
};

beforeAll(async () => {
  for (const name of ["large.bin", "text.txt", "text.txt.gz", "indexed/index.html"])
    truncateSync(writeAt(root, name, ""), SIZE);
  mkdirSync(join(root, "many"));
  for (let index = 0; index < ENTRIES; index++) writeAt(root, `many/${index}.txt`, "");
  const handler = directory(root, { listing: true, digests: true });
  server = await serve(handler, { port: 0 });
  secure = await serve(handler, { port: 0, tls: selfSigned() });
}, 60_000);
afterAll(async () => {
  await server.destroy();
  await secure.destroy();
});

/** A later answer has come: nothing of those before is still to be opened. */
async function allAreClosed(): Promise<void> {
  expect((await ask(server.port, "/large.bin", ["Range: bytes=0-0"])).status).toBe(206);
  await until(() => openDescriptors(root) === 0, "closing every file", 1_000);
  expect(server.active + secure.active).toBe(0);
}
afterEach(async () => {
  await allAreClosed();
  expect(warnings).toEqual([]);
});
const each = (count: number, task: (index: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)));

describe.each(Object.entries(LONG))("%s is closed", (_what, [target, ...fields]) => {
  it("when 20 readers leave in the middle, half of them without a goodbye", async () => {
    await each(20, async (index) => {
      const client = await RawClient.connect(server.port);
      client.get(target, ...fields);
      await until(() => client.byteLength > 10_000, "the first bytes");
      if (index % 2 === 0) client.destroy();
      else client.reset();
    });
  });

  it("when 10 readers fall asleep, and leave", async () => {
    const clients: RawClient[] = [];
    await each(10, async () => {
      const client = await RawClient.connect(server.port);
      clients.push(client);
      client.get(target, ...fields);
      await until(() => client.byteLength > 0, "the first bytes");
      client.pause();
    });
    if (target !== "/many/") expect(openDescriptors(root)).toBe(10);
    for (const client of clients) client.reset();
  });

  it("when 20 readers leave before they have seen anything", async () => {
    await each(20, async () => {
      const socket = connect(server.port, "127.0.0.1").on("error", () => {});
      await once(socket, "connect");
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
      socket.resetAndDestroy();
    });
  });

  it("when readers on HTTP/2 cancel their streams", async () => {
    await each(5, async () => {
      const headers = Object.fromEntries(fields.map((field) => field.split(": ") as [string, string]));
      const answer = await send("h2", secure.port, target, { headers });
      await answer.readBytes(10_000);
      answer.leave();
    });
  });
});

it.each<[string, number, string, string, string[]]>([
  ["HEAD of a file", 200, "HEAD", "/large.bin", []],
  ["HEAD of a coded file", 200, "HEAD", "/text.txt", ["Accept-Encoding: gzip"]],
  ["HEAD of a listing", 200, "HEAD", "/many/", []],
  ["304", 304, "GET", "/text.txt", ["If-None-Match: *", "Accept-Encoding: gzip"]],
  ["412", 412, "GET", "/text.txt", ['If-Match: "x"', "Accept-Encoding: gzip"]],
  ["416", 416, "GET", "/text.txt", [`Range: bytes=${SIZE}-`, "Accept-Encoding: gzip"]],
  ["416 of several parts", 416, "GET", "/large.bin", [`Range: bytes=${SIZE}-,${SIZE + 5}-`]],
  ["a folder without its slash", 301, "GET", "/many", []],
  ["a file with a slash", 404, "GET", "/large.bin/", []],
  ["what is missing", 404, "GET", "/missing", []],
  ["another method", 405, "DELETE", "/large.bin", []],
])("%s: 10 answers of %i leave nothing open", async (_what, status, method, target, fields) => {
  await each(10, async () => {
    expect((await ask(server.port, target, fields, method)).status).toBe(status);
  });
});

it("readers who only see a part of the answers written ahead leave nothing open", async () => {
  await each(5, async () => {
    const client = await RawClient.connect(server.port);
    for (const [target, ...fields] of Object.values(LONG)) client.get(target, ...fields);
    await until(() => client.byteLength > 100_000, "the first bytes");
    client.reset();
  });
});
