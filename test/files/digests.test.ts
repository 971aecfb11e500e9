import { createHash } from "node:crypto";
import { renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { directory, fileResponse } from "../../src/index.ts";
import { hashFile, knownHash } from "../../src/files/file-hashes.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { watchReports } from "../helpers/reports.ts";
import { ask, field, untilSettled, writeAt } from "./directory-support.ts";
import { openDescriptors, patternBytes, serveHere, temporaryFolder } from "./support.ts";

watchReports();
const root = temporaryFolder();
const bytes = patternBytes(200_000);
const TEXT = "text of a page\n".repeat(500);
const CODED = gzipSync(TEXT);
let server: RunningServer;

beforeAll(async () => {
  writeAt(root, "file.bin", bytes);
  writeAt(root, "page.html", TEXT);
  writeAt(root, "changing.txt", "before");
  writeAt(root, "empty.bin", "");
  writeAt(root, "zeroes.bin", "");
  truncateSync(join(root, "zeroes.bin"), 1024 ** 3);
  await untilSettled(writeAt(root, "page.html.gz", CODED));
  server = await serveHere(directory(root, { digests: true }));
});
afterAll(() => server.destroy());

const digestOf = (content: string | Uint8Array): string =>
  `sha-256=:${createHash("sha256").update(content).digest("base64")}:`;

/** The digest, once it is known. */
async function digestAt(target: string, ...fields: string[]): Promise<string | undefined> {
  let digest: string | undefined;
  const ready = async (): Promise<boolean> =>
    (digest = field(await ask(server.port, target, fields, "HEAD"), "Repr-Digest")) !== undefined;
  await expect.poll(ready, { timeout: 15_000 }).toBe(true);
  return digest;
}

test("the digest is that of the whole, on 200, 206 and HEAD", async () => {
  expect(await digestAt("/file.bin")).toBe(digestOf(bytes));
  for (const [fields, status] of [
    [[], 200],
    [["Range: bytes=5-9"], 206],
    [["Range: bytes=0-9,5000-5009"], 206],
  ] as const) {
    const answer = await ask(server.port, "/file.bin", fields);
    expect([answer.status, field(answer, "Repr-Digest")]).toEqual([status, digestOf(bytes)]);
  }
  expect(await digestAt("/empty.bin")).toBe(digestOf(""));
});

test("it is not on what is no part of the file: 304, 412, 416, 404, 301", async () => {
  await digestAt("/file.bin");
  const none: [string, string[], number][] = [
    ["/file.bin", ["If-None-Match: *"], 304],
    ["/file.bin", ['If-Match: "other"'], 412],
    ["/file.bin", ["Range: bytes=900000-"], 416],
    ["/missing", [], 404],
  ];
  for (const [target, fields, status] of none) {
    const answer = await ask(server.port, target, fields);
    expect([answer.status, field(answer, "Repr-Digest")]).toEqual([status, undefined]);
  }
});

test("it has its old name, too, where it is asked for by it, and only where it is known", async () => {
  const asked = "Want-Digest: SHA-512;q=1, SHA-256;q=1, SHA;q=0.1";
  writeAt(root, "young.bin", "young");
  const young = await ask(server.port, "/young.bin", [asked]);
  expect([young.status, field(young, "Digest")]).toEqual([200, undefined]);
  await digestAt("/file.bin");
  const digest = `SHA-256=${digestOf(bytes).slice("sha-256=:".length, -1)}`;
  for (const fields of [[asked], [asked, "Range: bytes=5-9"]]) {
    const answer = await ask(server.port, "/file.bin", fields);
    expect([field(answer, "Digest"), field(answer, "Repr-Digest")]).toEqual([digest, digestOf(bytes)]);
  }
  for (const fields of [[], ["Want-Digest: SHA-512"], [asked, "If-None-Match: *"], [asked, "Range: bytes=900000-"]]) {
    expect(field(await ask(server.port, "/file.bin", fields), "Digest")).toBeUndefined();
  }
});

test("of coded bytes it is the hash of those", async () => {
  expect(await digestAt("/page.html", "Accept-Encoding: gzip")).toBe(digestOf(CODED));
  expect(await digestAt("/page.html")).toBe(digestOf(TEXT));
  const part = await ask(server.port, "/page.html", ["Accept-Encoding: gzip", "Range: bytes=0-3"]);
  expect([part.status, field(part, "Repr-Digest")]).toEqual([206, digestOf(CODED)]);
});

test("what the listener compresses has no digest of other bytes", async () => {
  await digestAt("/page.html");
  await using compressing = await serve(directory(root, { digests: true, sidecars: false }), {
    port: 0,
    compress: true,
  });
  const answer = await ask(compressing.port, "/page.html", ["Accept-Encoding: gzip"]);
  expect(field(answer, "Content-Encoding")).toBe("gzip");
  expect([undefined, digestOf(answer.body)]).toContain(field(answer, "Repr-Digest"));
});

test("it changes with the file, and is never that of another state", async () => {
  const path = join(root, "changing.txt");
  expect(await digestAt("/changing.txt")).toBe(digestOf("before"));
  writeFileSync(path, "behind");
  const young = await ask(server.port, "/changing.txt");
  expect([young.body.toString(), field(young, "Repr-Digest")]).toEqual(["behind", undefined]);
  await untilSettled(path);
  expect(await digestAt("/changing.txt")).toBe(digestOf("behind"));
  renameSync(writeAt(root, "changing.new", "before"), path);
  const replaced = await ask(server.port, "/changing.txt");
  expect([replaced.body.toString(), field(replaced, "Repr-Digest")]).toEqual(["before", undefined]);
});

test("nobody waits for it: the first answer of a large file goes without", async () => {
  const start = performance.now();
  const first = await ask(server.port, "/zeroes.bin", ["Range: bytes=0-9"]);
  const firstMs = performance.now() - start;
  expect([first.status, field(first, "Repr-Digest")]).toEqual([206, undefined]);
  // Others are answered meanwhile.
  expect((await ask(server.port, "/file.bin")).body.equals(bytes)).toBe(true);
  const digest = await digestAt("/zeroes.bin");
  expect(digest).toMatch(/^sha-256=:[\w+/]{43}=:$/u);
  // A gigabyte cannot be hashed in the time of an answer.
  expect(firstMs).toBeLessThan((performance.now() - start) / 2);
  await expect.poll(() => openDescriptors(root)).toBe(0);
});

test("a state is hashed once, whoever asks; one that is gone by then is not known", async () => {
  const path = writeAt(root, "once.bin", Buffer.alloc(8 * 1024 * 1024, "once"));
  await untilSettled(path);
  const stats = statSync(path, { bigint: true });
  const asked = [hashFile(path, stats), hashFile(path, stats)];
  expect(asked[1]).toBe(asked[0]);
  const hash = await asked[0]!;
  expect(Buffer.from(hash!).toString("base64")).toBe(digestOf(Buffer.alloc(8 * 1024 * 1024, "once")).slice(9, -1));
  expect(knownHash(stats)).toBe(hash);
  expect(await hashFile(path, { ...stats, mtimeNs: stats.mtimeNs - 1n })).toBeUndefined();
  expect(await hashFile(join(root, "missing"), { ...stats, size: 1n })).toBeUndefined();
});

test("fileResponse has it, too", async () => {
  const path = writeAt(root, "alone.bin", "alone");
  await untilSettled(path);
  const ask1 = async (): Promise<string | null> => {
    const response = await fileResponse(new Request("http://host/"), path, { digests: true });
    expect(await response.text()).toBe("alone");
    return response.headers.get("Repr-Digest");
  };
  expect(await ask1()).toBeNull();
  await expect.poll(ask1, { timeout: 8_000 }).toBe(digestOf("alone"));
});
