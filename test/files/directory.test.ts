import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mkdirSync, symlinkSync, utimesSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DirectoryOptions, directory } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { watchReports } from "../helpers/reports.ts";
import { LAST_MODIFIED, ask, field, untilSettled, writeAt } from "./directory-support.ts";
import { openDescriptors, patternBytes, serveHere, temporaryFolder } from "./support.ts";

watchReports();
const root = join(temporaryFolder(), "root");
const bytes = patternBytes(1000);
const TARGETS = ["/thousand.bin", "/page.html", "/folder/", "/missing", "/folder"];
let server: RunningServer;

beforeAll(async () => {
  writeAt(root, "thousand.bin", bytes);
  writeAt(root, "page.html", "<p>page");
  writeAt(root, "folder/index.html", "<p>index");
  writeAt(root, "übersicht, 100%.html", "<p>ü");
  writeAt(root, "bild ☃.png", "png");
  writeAt(root, "plain/other.txt", "other");
  mkdirSync(join(root, "odd/index.html"), { recursive: true });
  for (const seconds of [0, 1]) utimesSync(writeAt(root, `at-${seconds}.bin`, `at ${seconds}`), seconds, seconds);
  await untilSettled(writeAt(root, "future.bin", "future", new Date(Date.now() + 3_600_000)));
  server = await serveHere(directory(root));
});
afterAll(() => server.destroy());

/** As a browser would ask, of a handler of its own. */
async function answerOf(target: string, options: DirectoryOptions, init: RequestInit = {}): Promise<Response> {
  const response = await directory(root, options)(new Request(`http://host${target}`, init));
  await response.clone().arrayBuffer();
  return response;
}

describe("methods", () => {
  test.each(TARGETS)("OPTIONS %s is answered with 204 and what there is", async (target) => {
    const answer = await ask(server.port, target, [], "OPTIONS");
    expect([answer.status, field(answer, "Allow"), answer.body.length]).toEqual([204, "GET, HEAD, OPTIONS", 0]);
    expect(answer.headers.has("content-length")).toBe(false);
  });

  test.each(["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])(
    "%s is answered with 405 and what there is",
    async (method) => {
      for (const target of TARGETS) {
        const answer = await ask(server.port, target, ["Content-Length: 0"], method);
        expect([answer.status, field(answer, "Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
      }
    },
  );

  test("HEAD is answered as GET, without the body and without a range", async () => {
    for (const target of [...TARGETS, "//", "/future.bin"]) {
      const got = await ask(server.port, target);
      const head = await ask(server.port, target, ["Range: bytes=0-3"], "HEAD");
      // What an error would say in full need not be measured.
      const left = new Set(["date", ...(got.status >= 400 ? ["content-length"] : [])]);
      const fieldsOf = ({ headers }: typeof got) => new Map([...headers].filter(([name]) => !left.has(name)));
      expect([target, head.status]).toEqual([target, got.status]);
      expect(head.body.length).toBe(0);
      // The date of a file from the future is now.
      if (target !== "/future.bin") expect(fieldsOf(head)).toEqual(fieldsOf(got));
    }
  });
});

describe("what is there", () => {
  test("a file is sent whole, with what is needed to come back", async () => {
    const answer = await ask(server.port, "/thousand.bin");
    expect(answer.status).toBe(200);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(Object.fromEntries([...answer.headers].map(([name, values]) => [name, values.join()]))).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      connection: "close",
      "content-disposition": 'attachment; filename="thousand.bin"',
      "content-length": "1000",
      "content-type": "application/octet-stream",
      date: expect.any(String) as string,
      etag: expect.stringMatching(/^"[\w-]{22}"$/u) as string,
      "last-modified": LAST_MODIFIED,
      "x-content-type-options": "nosniff",
    });
  });

  test("a part of it is 206, one that is not there 416, and of 304 the fields are those that caches need", async () => {
    const etag = field(await ask(server.port, "/page.html"), "ETag")!;
    const part = await ask(server.port, "/page.html", ["Range: bytes=0-2"]);
    expect([part.status, field(part, "Content-Range"), part.body.toString()]).toEqual([206, "bytes 0-2/7", "<p>"]);
    for (const name of ["ETag", "Cache-Control", "Vary", "Last-Modified", "Date"]) {
      expect([name, field(part, name)]).toEqual([name, expect.any(String)]);
    }
    const beyond = await ask(server.port, "/page.html", ["Range: bytes=7-"]);
    expect([beyond.status, field(beyond, "Content-Range"), beyond.body.length]).toEqual([416, "bytes */7", 0]);
    for (const name of ["content-type", "content-disposition"]) expect(beyond.headers.has(name)).toBe(false);
    const unmodified = await ask(server.port, "/page.html", [`If-None-Match: ${etag}`, "Range: bytes=0-2"]);
    expect(unmodified.status).toBe(304);
    expect([...unmodified.headers.keys()].toSorted()).toEqual([
      "accept-ranges",
      "cache-control",
      "connection",
      "date",
      "etag",
      "last-modified",
      "vary",
      "x-content-type-options",
    ]);
    expect(field(unmodified, "Vary")).toBe("Accept-Encoding");
  });

  test("If-Modified-Since counts where there is no If-None-Match, and only as a date", async () => {
    const status = async (...fields: string[]): Promise<number> =>
      (await ask(server.port, "/thousand.bin", fields)).status;
    expect(await status(`If-Modified-Since: ${LAST_MODIFIED}`)).toBe(304);
    expect(await status("If-Modified-Since: Tue, 07 May 2024 00:00:00 GMT")).toBe(304);
    expect(await status("If-Modified-Since: Mon, 06 May 2024 07:08:08 GMT")).toBe(200);
    expect(await status("If-Modified-Since: yesterday")).toBe(200);
    expect(await status('If-None-Match: "x"', `If-Modified-Since: ${LAST_MODIFIED}`)).toBe(200);
  });

  test("a condition that fails is 412, without the file's own fields", async () => {
    const failing = ['If-Match: "other"', "If-Unmodified-Since: Mon, 06 May 2024 07:08:08 GMT"];
    for (const condition of failing) {
      const answer = await ask(server.port, "/thousand.bin", [condition]);
      expect([condition, answer.status]).toEqual([condition, 412]);
      expect(field(answer, "Content-Type")).toBe("application/problem+json");
      expect(answer.headers.has("content-disposition")).toBe(false);
    }
    expect((await ask(server.port, "/thousand.bin", ["If-Match: *"])).status).toBe(200);
    // The weaker condition is not looked at where there is the stronger.
    expect((await ask(server.port, "/thousand.bin", ["If-Match: *", failing[1]!])).status).toBe(200);
  });

  test.each(["/missing", "/thousand.bin/", "/plain/", "/folder/missing", "/thousand.bin/below"])(
    "%s is 404, whatever the conditions are",
    async (target) => {
      for (const condition of [
        'If-Match: "x"',
        "If-Match: *",
        "If-None-Match: *",
        `If-Modified-Since: ${LAST_MODIFIED}`,
      ]) {
        const answer = await ask(server.port, target, [condition, "Range: bytes=0-1"]);
        expect([target, condition, answer.status]).toEqual([target, condition, 404]);
        expect(JSON.parse(answer.body.toString())).toEqual({ title: "Not Found", status: 404 });
        expect(field(answer, "Content-Type")).toBe("application/problem+json");
        expect(answer.headers.has("last-modified")).toBe(false);
      }
    },
  );

  test("a file from the future was changed now", async () => {
    const answer = await ask(server.port, "/future.bin");
    const [modified, date] = [field(answer, "Last-Modified")!, field(answer, "Date")!].map((each) => Date.parse(each));
    // Node looks at the clock for its Date about once a second.
    expect(modified).toBeLessThanOrEqual(date! + 2_000);
    expect(modified).toBeGreaterThan(Date.now() - 10_000);
  });

  test.each([0, 1])("a file of %i s has no date, and no tag until its bytes are known", async (seconds) => {
    const first = await ask(server.port, `/at-${seconds}.bin`);
    expect([first.status, first.body.toString()]).toEqual([200, `at ${seconds}`]);
    expect(first.headers.has("last-modified")).toBe(false);
    expect(first.headers.has("etag")).toBe(false);
    let etag: string | undefined;
    await expect
      .poll(async () => (etag = field(await ask(server.port, `/at-${seconds}.bin`), "ETag")), { timeout: 8_000 })
      .toMatch(/^"[\w-]{22}"$/u);
    const again = await ask(server.port, `/at-${seconds}.bin`, [`If-Range: ${etag}`, "Range: bytes=3-"]);
    expect([again.status, again.body.toString()]).toEqual([206, String(seconds)]);
    expect(again.headers.has("last-modified")).toBe(false);
    expect((await ask(server.port, `/at-${seconds}.bin`, [`If-None-Match: ${etag}`])).status).toBe(304);
  });
});

describe("folders", () => {
  test("one with a slash is its index, shown in the page", async () => {
    const answer = await ask(server.port, "/folder/");
    expect([answer.status, answer.body.toString()]).toEqual([200, "<p>index"]);
    expect(field(answer, "Content-Type")).toBe("text/html; charset=utf-8");
    expect(field(answer, "Content-Disposition")).toBe("inline");
    expect(field(answer, "X-Content-Type-Options")).toBe("nosniff");
  });

  test("the index by its name is a file as any other", async () => {
    expect(field(await ask(server.port, "/folder/index.html"), "Content-Disposition")).toMatch(/^attachment/u);
  });

  test.each([
    ["/folder", "./folder/"],
    ["/folder?a=b/../c&d", "./folder/?a=b/../c&d"],
    ["/%66older", "./folder/"],
  ])("%s is sent to %s, whoever the host seems to be", async (target, location) => {
    const answer = await ask(server.port, target, ["X-Forwarded-Host: evil", "Forwarded: host=evil"]);
    expect([answer.status, field(answer, "Location"), answer.body.length]).toEqual([301, location, 0]);
    const resolved = new URL(location, `http://host${target}`);
    expect((await ask(server.port, resolved.pathname)).status).toBe(200);
  });

  test.each([
    "//evil.example/..",
    "//evil.example",
    "///evil.example/",
    "/\\evil.example",
    "//folder",
    "/.//folder",
    "http://host//folder",
  ])("%s never leads elsewhere", async (target) => {
    const answer = await ask(server.port, target);
    expect([target, answer.status, answer.headers.has("location")]).toEqual([target, 400, false]);
  });

  test("a folder that is called as a host is would be is redirected to below itself", async () => {
    for (const name of ["evil.example", "http:", "a?b", "ü ☃", "%2F%2Fevil", "javascript:alert(1)"]) {
      mkdirSync(join(root, name), { recursive: true });
      const answer = await ask(server.port, `/${encodeURIComponent(name)}`);
      expect(answer.status).toBe(301);
      const resolved = new URL(field(answer, "Location")!, `http://host/${encodeURIComponent(name)}`);
      expect(resolved.href).toBe(`http://host/${encodeURIComponent(name)}/`);
    }
  });

  test("index is the name of another file, or none; a folder by that name is none", async () => {
    expect(await (await answerOf("/plain/", { index: "other.txt" })).text()).toBe("other");
    expect((await answerOf("/folder/", { index: "other.txt" })).status).toBe(404);
    expect((await answerOf("/folder/", { index: false })).status).toBe(404);
    expect((await answerOf("/odd/", {})).status).toBe(404);
  });

  test("below a prefix, the folder itself is redirected to with a slash", async () => {
    writeAt(root, "index.html", "<p>root");
    const options = { prefix: "/static/files" };
    expect((await answerOf("/static/files", options)).headers.get("Location")).toBe("./files/");
    expect(await (await answerOf("/static/files/", options)).text()).toBe("<p>root");
    expect(await (await answerOf("/static/files/page.html", options)).text()).toBe("<p>page");
    for (const target of ["/static", "/static/", "/page.html", "/static/filesystem", "/static/files2/page.html"]) {
      expect([target, (await answerOf(target, options)).status]).toEqual([target, 404]);
    }
  });
});

describe("options", () => {
  test("Cache-Control is what it is told, also by the path", async () => {
    const immutable = { public: true, maxAgeSeconds: 31_536_000, immutable: true };
    expect((await answerOf("/page.html", { cacheControl: immutable })).headers.get("Cache-Control")).toBe(
      "public, max-age=31536000, immutable",
    );
    const paths: unknown[] = [];
    const cacheControl = (path: readonly string[]): typeof immutable | { noStore: true } => {
      paths.push(path);
      return path[0] === "folder" ? immutable : { noStore: true };
    };
    const options = { prefix: "/p", cacheControl };
    expect((await answerOf("/p/folder/", options)).headers.get("Cache-Control")).toContain("immutable");
    expect((await answerOf("/p/%66older/index.html", options)).headers.get("Cache-Control")).toContain("immutable");
    expect((await answerOf("/p/page.html", options)).headers.get("Cache-Control")).toBe("no-store");
    expect(paths).toEqual([["folder"], ["folder", "index.html"], ["page.html"]]);
  });

  test.each<[DirectoryOptions["disposition"], target: string, expected: string]>([
    [undefined, "/page.html", 'attachment; filename="page.html"'],
    ["safe", "/page.html", 'attachment; filename="page.html"'],
    [
      "safe",
      `/${encodeURIComponent("bild ☃.png")}`,
      "inline; filename=\"bild _.png\"; filename*=UTF-8''bild%20%E2%98%83.png",
    ],
    ["inline", "/page.html", 'inline; filename="page.html"'],
    ["attachment", "/page.html", 'attachment; filename="page.html"'],
    [
      "attachment",
      `/${encodeURIComponent("übersicht, 100%.html")}`,
      "attachment; filename=\"_bersicht, 100%.html\"; filename*=UTF-8''%C3%BCbersicht%2C%20100%25.html",
    ],
    ["attachment", "/folder/", "inline"],
  ])("with disposition %s, %s is %s", async (disposition, target, expected) => {
    const response = await answerOf(target, disposition === undefined ? {} : { disposition });
    expect(response.headers.get("Content-Disposition")).toBe(expected);
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  });

  test("media types of the caller win, and decide what is safe to show", async () => {
    const { headers } = await answerOf("/page.html", { mediaTypes: { html: "text/plain" } });
    expect(headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(headers.get("Content-Disposition")).toMatch(/^inline/u);
    expect((await answerOf("/page.html", { mediaTypes: { toString: "x/y" } })).headers.get("Content-Type")).toMatch(
      /html/u,
    );
  });

  test("headers of the caller are sent with every file, and do not hide what a cache must know", async () => {
    const { headers } = await answerOf("/page.html", {
      headers: { Vary: "Origin", "Content-Security-Policy": "sandbox" },
    });
    expect(headers.get("Content-Security-Policy")).toBe("sandbox");
    expect(headers.get("Vary")).toBe("Origin, Accept-Encoding");
  });

  test("a function of Cache-Control that fails leaves nothing open", async () => {
    const cacheControl = (path: readonly string[]): { immutable: true } => {
      if (path.length > 1) throw new Error("not this one");
      // It needs a maxAgeSeconds.
      return { immutable: true };
    };
    const folder = temporaryFolder();
    writeAt(folder, "page.html", "");
    writeAt(folder, "below/page.html", "");
    const handler = directory(folder, { cacheControl });
    await expect(handler(new Request("http://h/page.html"))).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    await expect(handler(new Request("http://h/below/page.html"))).rejects.toThrow("not this one");
    expect(openDescriptors(folder)).toBe(0);
  });

  test("the root may be a file URL", async () => {
    const response = await directory(pathToFileURL(`${root}/`))(new Request("http://host/page.html"));
    expect(await response.text()).toBe("<p>page");
  });

  test.each<[unknown, unknown]>([
    ["/missing/folder", {}],
    [() => join(root, "page.html"), {}],
    [root, { prefix: "files" }],
    [root, { prefix: "/a//b" }],
    [root, { index: "" }],
    [root, { index: "a/b" }],
    [root, { index: "a\0b" }],
    [root, { forbiddenAs: 500 }],
    [root, { disposition: "none" }],
    [root, { etag: "md5" }],
    [root, { guard: "no" }],
    [root, { cacheControl: { immutable: true } }],
    [root, { stallTimeoutMs: -1 }],
  ])("misuse throws (%s, %j)", (folder, options) => {
    const path = typeof folder === "function" ? (folder as () => string)() : (folder as string);
    expect(() => directory(path, options as DirectoryOptions)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });
});

test("what is neither file nor folder is 404 at once, and stops nobody else", async () => {
  execFileSync("mkfifo", [join(root, "fifo")]);
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("/dev/zero", join(root, "zero"));
  symlinkSync("/dev/tty", join(root, "tty"));
  const listening = createServer().listen(join(root, "socket"));
  await using outside = await serveHere(directory(root, { outsideSymlinks: true }));
  for (const { port } of [server, outside]) {
    const pipes = Array.from({ length: 6 }, () => ask(port, "/fifo"));
    expect((await ask(port, "/thousand.bin")).body.equals(bytes)).toBe(true);
    expect((await Promise.all(pipes)).map(({ status }) => status)).toEqual(pipes.map(() => 404));
    for (const name of ["loop", "zero", "tty", "socket", "fifo/", "zero/", "x".repeat(256), `${"a/".repeat(3000)}b`]) {
      const answer = await ask(port, `/${name}`);
      expect([name, answer.status]).toEqual([name, 404]);
      expect(JSON.parse(answer.body.toString())).toEqual({ title: "Not Found", status: 404 });
    }
  }
  expect(openDescriptors(root) + openDescriptors("/dev/zero")).toBe(0);
  listening.close();
});
