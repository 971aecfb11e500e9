import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileResponse } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { Outcomes, openDescriptors, patternBytes, serveHere, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const path = join(folder, "thousand.bin");
const bytes = patternBytes(1000);
const MTIME = new Date("2024-05-06T07:08:09Z");
const LAST_MODIFIED = MTIME.toUTCString();
let server: RunningServer;
let etag: string;

beforeAll(async () => {
  writeFileSync(path, bytes);
  utimesSync(path, MTIME, MTIME);
  writeFileSync(join(folder, "empty.txt"), "");
  const { ctimeMs } = statSync(path);
  // Only then is its tag strong.
  await until(() => Date.now() - ctimeMs > 2_000, "the file's last change being 2 s ago");
  server = await serveHere((request) =>
    fileResponse(request, join(folder, decodeURIComponent(new URL(request.url).pathname))),
  );
  etag = (await fetch(`${server.url}/thousand.bin`)).headers.get("ETag")!;
});
afterAll(() => server.close());

const get = (headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/thousand.bin`, { headers, ...init });

async function summary(response: Response): Promise<unknown[]> {
  const body = Buffer.from(await response.arrayBuffer());
  return [response.status, response.headers.get("Content-Range"), response.headers.get("Content-Length"), body];
}

test("a file is sent whole, with what is needed to come back for a part of it", async () => {
  const response = await get();
  expect(await summary(response)).toEqual([200, null, "1000", bytes]);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    etag: expect.stringMatching(/^"[\w-]{22}"$/u) as string,
    "last-modified": LAST_MODIFIED,
    "x-content-type-options": "nosniff",
  });
  expect(response.headers.has("Transfer-Encoding")).toBe(false);
});

test.each<[range: string, first: number, last: number]>([
  ["bytes=0-8", 0, 8],
  ["bytes=0-0", 0, 0],
  ["bytes=990-", 990, 999],
  ["bytes=-10", 990, 999],
  ["bytes=990-1990", 990, 999],
  ["bytes=-2000", 0, 999],
  ["bytes=0-100000000000000000000000000000", 0, 999],
  ["BYTES=0-5", 0, 5],
  ["bytes=0-8,", 0, 8],
  ["bytes=0-9,5000-", 0, 9],
])("%s is answered with 206 and bytes %i to %i", async (range, first, last) => {
  const response = await get({ Range: range });
  const part = bytes.subarray(first, last + 1);
  expect(await summary(response)).toEqual([206, `bytes ${first}-${last}/1000`, String(part.length), part]);
  expect(response.headers.get("ETag")).toBe(etag);
});

test.each(["bytes=-0", "bytes=1000-", "bytes=5000-", "bytes=100000000000000000000000000-"])(
  "%s is answered with 416",
  async (range) => {
    const response = await get({ Range: range });
    expect(response.status).toBe(416);
    expect(response.headers.get("Content-Range")).toBe("bytes */1000");
    // Whoever puts parts together must not get the words of an error among them.
    expect(response.headers.get("Content-Length")).toBe("0");
  },
);

test.each(["bytes=5-2", "bytes=alpha", "bytes=10", "bytes=", "bytes=-", "items=0-5", "bytes=0-490,700-999"])(
  "%s is answered with everything",
  async (range) => {
    expect(await summary(await get({ Range: range }))).toEqual([200, null, "1000", bytes]);
  },
);

test("HEAD says what GET would, without a range and without reading", async () => {
  for (const headers of [{}, { Range: "bytes=0-8" }, { Range: "bytes=5000-" }]) {
    const response = await get(headers, { method: "HEAD" });
    expect(await summary(response)).toEqual([200, null, "1000", Buffer.alloc(0)]);
    expect(response.headers.get("ETag")).toBe(etag);
  }
});

test("an empty file has no ranges", async () => {
  for (const headers of [{}, { Range: "bytes=0-" }, { Range: "bytes=-5" }]) {
    const response = await fetch(`${server.url}/empty.txt`, { headers });
    expect(await summary(response)).toEqual([200, null, "0", Buffer.alloc(0)]);
  }
});

test("a reader that has the file is told so", async () => {
  for (const headers of [
    { "If-None-Match": etag },
    { "If-None-Match": `W/${etag}` },
    { "If-None-Match": `"x", ${etag}`, Range: "bytes=0-8" },
    { "If-None-Match": "*" },
    { "If-Modified-Since": LAST_MODIFIED },
  ]) {
    // fetch would add what it knows better by itself.
    const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const { status, body } = await curl(`${server.url}/thousand.bin`, "-i", ...fields);
    expect(status).toBe(304);
    const head = body.toString("latin1");
    expect(head).toContain(`etag: ${etag}`);
    expect(head).not.toMatch(/^content-/imu);
  }
});

test("a precondition that fails is answered with 412", async () => {
  for (const headers of [
    { "If-Match": '"other"' },
    { "If-Match": `W/${etag}` },
    { "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" },
  ]) {
    expect((await get(headers as unknown as Record<string, string>)).status).toBe(412);
  }
  expect((await get({ "If-Match": etag })).status).toBe(200);
});

test.each<[ifRange: () => string, range: string, status: number]>([
  [() => etag, "bytes=0-8", 206],
  [() => LAST_MODIFIED, "bytes=0-8", 206],
  [() => `W/${etag}`, "bytes=0-8", 200],
  [() => '"other"', "bytes=0-8", 200],
  [() => "Mon, 06 May 2024 07:08:10 GMT", "bytes=0-8", 200],
  [() => "Mon, 06 May 2024 07:08:08 GMT", "bytes=0-8", 200],
  [() => '"other"', "bytes=5000-", 200],
  [() => etag, "bytes=5000-", 416],
])("If-Range %s with %s is answered with %i", async (ifRange, range, status) => {
  expect((await get({ "If-Range": ifRange(), Range: range })).status).toBe(status);
});

test("a download that was cut off is continued by curl, and is whole", async () => {
  const target = join(folder, "part.bin");
  writeFileSync(target, bytes.subarray(0, 123));
  const { exitCode } = await curl(`${server.url}/thousand.bin`, "-C", "-", "-o", target);
  expect(exitCode).toBe(0);
  expect(readFileSync(target).equals(bytes)).toBe(true);
});

test("methods other than GET and HEAD are refused", async () => {
  const response = await get({}, { method: "POST", body: "x" });
  expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
});

test("what is no regular file is answered with 404, at once", async () => {
  mkdirSync(join(folder, "folder"));
  execFileSync("mkfifo", [join(folder, "fifo")]);
  symlinkSync("loop", join(folder, "loop"));
  const listening = createServer().listen(join(folder, "socket"));
  const names = ["missing", "folder", "fifo", "loop", "socket", "thousand.bin/below", "x".repeat(300), "nul%00byte"];
  for (const name of names) {
    const response = await fetch(`${server.url}/${name}`, { signal: AbortSignal.timeout(2_000) });
    expect([name, response.status]).toEqual([name, 404]);
    expect(await response.json()).toEqual({ title: "Not Found", status: 404 });
    expect(openDescriptors(join(folder, name))).toBe(0);
  }
  // More of them than there are threads for files: an open that waits for a writer would stop every other.
  const many = await Promise.all(Array.from({ length: 12 }, () => fetch(`${server.url}/fifo`)));
  expect(many.map(({ status }) => status)).toEqual(many.map(() => 404));
  expect((await get()).status).toBe(200);
  listening.close();
});

test("a precondition on a missing file is not looked at", async () => {
  expect((await fetch(`${server.url}/missing`, { headers: { "If-Match": '"x"' } })).status).toBe(404);
});

test("the media type is the extension's, or the caller's", async () => {
  const typeOf = async (name: string, mediaType?: string): Promise<string | null> => {
    writeFileSync(join(folder, name), "x");
    const response = await fileResponse(
      new Request("http://x/"),
      join(folder, name),
      mediaType === undefined ? {} : { mediaType },
    );
    await response.body!.cancel();
    return response.headers.get("Content-Type");
  };
  expect(await typeOf("a.mp4")).toBe("video/mp4");
  expect(await typeOf("a.txt")).toBe("text/plain; charset=utf-8");
  expect(await typeOf("a.CSV")).toBe("text/csv; charset=utf-8");
  expect(await typeOf("a.unheardof")).toBe("application/octet-stream");
  expect(await typeOf("b.txt", "text/x-own; charset=latin1")).toBe("text/x-own; charset=latin1");
});

test("a file URL is a path; filename and headers are the caller's, who may set validators", async () => {
  const headers = { "Cache-Control": "no-cache", ETag: '"own"' };
  const request = new Request("http://x/", { headers: { "If-None-Match": '"own"' } });
  const whole = await fileResponse(new Request("http://x/"), pathToFileURL(path), { filename: "ä.bin", headers });
  expect(whole.headers.get("Content-Disposition")).toContain("filename*=UTF-8''%C3%A4.bin");
  expect(whole.headers.get("Cache-Control")).toBe("no-cache");
  expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
  const unmodified = await fileResponse(request, path, { filename: "ä.bin", headers });
  expect(unmodified.status).toBe(304);
  expect(unmodified.headers.get("Cache-Control")).toBe("no-cache");
  expect(unmodified.headers.has("Content-Disposition")).toBe(false);
});

test("every answer has one outcome", async () => {
  const outcomes = new Outcomes();
  const ask = async (headers: Record<string, string>, method = "GET"): Promise<void> => {
    const response = await fileResponse(new Request("http://x/", { method, headers }), path, {
      onFinish: outcomes.onFinish,
    });
    await response.arrayBuffer();
  };
  await ask({});
  await ask({ Range: "bytes=0-9" });
  await ask({}, "HEAD");
  await ask({ "If-None-Match": "*" });
  await ask({ Range: "bytes=5000-" });
  expect(outcomes.all.map(({ outcome, bytes: sent }) => [outcome, sent])).toEqual([
    ["completed", 1000],
    ["completed", 10],
    ["discarded", 0],
    ["discarded", 0],
    ["discarded", 0],
  ]);
});

test("misuse rejects", async () => {
  const request = new Request("http://x/");
  await expect(fileResponse(request, path, { stallTimeoutMs: -1 })).rejects.toMatchObject({
    code: "ERR_INVALID_OPTION",
  });
  await expect(fileResponse(request, path, { headers: { "bad name": "x" } })).rejects.toThrow(TypeError);
});
