import fs, { readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { directory } from "sluice";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { MTIME } from "../files/directory-support.ts";
import { Outcomes, openDescriptors, temporaryFolder } from "../files/support.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { type WireProtocol, send } from "../helpers/wire-client.ts";

const SIZE = 32 * 1024 * 1024;
const root = temporaryFolder();
const path = join(root, "file.bin");
const reports = watchReports();
const outcomes = new Outcomes();
let plain: RunningServer;
let secure: RunningServer;

const { read } = fs;
type Done = (error: Error | null, bytesRead: number, buffer: Uint8Array) => void;

/** From here on the disk cannot be read at this position and after it, as the system says it: EIO. */
function breakDiskAt(broken: number): void {
  fs.read = ((descriptor: number, ...rest: [Uint8Array, number, number, number, Done]) => {
    const [, , length, position, done] = rest;
    const isOurs = readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    if (!isOurs || position + length <= broken) return read(descriptor, ...rest);
    const error = Object.assign(new Error(`EIO: i/o error, read '${path}'`), { code: "EIO" });
    setImmediate(() => done(error, 0, rest[0]));
  }) as never;
  syncBuiltinESMExports();
}

beforeAll(async () => {
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  writeFileSync(join(root, "next.txt"), "the next answer");
  fs.utimesSync(path, MTIME, MTIME);
  const handler = directory(root, { onFinish: outcomes.onFinish });
  plain = await serve(handler, { port: 0 });
  secure = await serve(handler, { port: 0, tls: selfSigned() });
});
afterAll(async () => {
  await plain.destroy();
  await secure.destroy();
});
afterEach(async () => {
  fs.read = read;
  syncBuiltinESMExports();
  outcomes.all.length = 0;
  await until(() => openDescriptors(root) === 0, "closing the file", 1_000);
});

it.each<WireProtocol>(["http/1.1", "https/1.1", "h2"])(
  "a disk that fails midway breaks the answer off on %s",
  async (protocol) => {
    breakDiskAt(SIZE / 2);
    const answer = await send(protocol, (protocol === "http/1.1" ? plain : secure).port, "/file.bin");
    expect(answer.status).toBe(200);
    await expect(answer.readAll().then(({ length }) => length)).rejects.toThrow();
    await until(() => outcomes.all.length === 1, "the outcome");
    expect(outcomes.all).toMatchObject([{ outcome: "failed", error: { code: "EIO" } }]);
    expect(outcomes.all[0]!.bytes).toBeLessThanOrEqual(SIZE / 2);
    expect(reports.take("SOURCE_FAILED")).toMatchObject([{ error: { code: "EIO" } }]);
  },
);

it("nothing of the next answer takes the place of what could not be read", async () => {
  breakDiskAt(SIZE / 2);
  using client = await RawClient.connect(plain.port);
  client.get("/file.bin");
  client.get("/next.txt");
  await client.end();
  expect(client.text.match(/HTTP\/1\.1 /gu)).toHaveLength(1);
  expect(client.text).not.toContain("the next answer");
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

it("a disk that fails at once is an error, of which nothing inside is told", async () => {
  breakDiskAt(0);
  const response = await fetch(`${plain.url}/file.bin`, { headers: { Range: `bytes=0-${SIZE / 2}` } });
  expect(response.status).toBe(500);
  expect(await response.json()).toEqual({ title: "Internal Server Error", status: 500 });
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});
