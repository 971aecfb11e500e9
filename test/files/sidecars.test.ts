import { randomBytes } from "node:crypto";
import { readFileSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { directory } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { serve } from "../../src/node/index.ts";
import type { Answer } from "../helpers/http1-answers.ts";
import { watchReports } from "../helpers/reports.ts";
import { LAST_MODIFIED, MTIME, ask, field, untilSettled, writeAt } from "./directory-support.ts";
import { openDescriptors, serveHere, temporaryFolder } from "./support.ts";

watchReports();
const base = temporaryFolder();
const root = join(base, "root");
const TEXT = Buffer.from("some text that is worth coding\n".repeat(200));
const BYTES: Record<string, Buffer> = {
  gzip: gzipSync(TEXT),
  br: brotliCompressSync(TEXT),
  zstd: zstdCompressSync(TEXT),
};
const EXTENSIONS: Record<string, string> = { gzip: ".gz", br: ".br", zstd: ".zst" };
let server: RunningServer;

/** A file with sidecars in these codings. */
function writeCoded(name: string, codings: readonly string[]): void {
  writeAt(root, name, TEXT);
  for (const coding of codings) writeAt(root, name + EXTENSIONS[coding]!, BYTES[coding]!);
}

beforeAll(async () => {
  writeCoded("all.js", ["gzip", "br", "zstd"]);
  writeCoded("zip-only.css", ["gzip"]);
  writeCoded("none.html", []);
  writeCoded("folder/index.html", ["br"]);
  writeCoded("picture.png", ["gzip", "br", "zstd"]);
  writeCoded("old.txt", ["gzip", "br"]);
  writeCoded("newer.txt", ["gzip"]);
  writeCoded("linked.txt", []);
  writeCoded("linked-in.txt", []);
  writeCoded("odd.txt", ["gzip"]);
  const at = (name: string, ms: number): void => utimesSync(join(root, name), new Date(ms), new Date(ms));
  at("old.txt.br", MTIME.getTime() - 1);
  at("newer.txt.gz", MTIME.getTime() + 3_600_000);
  writeAt(base, "outside.gz", gzipSync("secret"), new Date());
  symlinkSync("../outside.gz", join(root, "linked.txt.gz"));
  symlinkSync("all.js.gz", join(root, "linked-in.txt.gz"));
  // What cannot be one: a folder.
  writeAt(root, "odd.txt.br/file", "x");
  await untilSettled(join(root, "odd.txt.br/file"));
  server = await serveHere(directory(root));
});
afterAll(() => server.destroy());

const get = (target: string, accepted?: string, ...fields: string[]): Promise<Answer> =>
  ask(server.port, target, [...(accepted === undefined ? [] : [`Accept-Encoding: ${accepted}`]), ...fields]);
const codingOf = async (target: string, accepted?: string): Promise<string> =>
  field(await get(target, accepted), "Content-Encoding") ?? "identity";

describe("what lies beside a file, coded", () => {
  test.each([
    [undefined, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
    ["zstd", "zstd"],
    ["gzip, br, zstd", "zstd"],
    ["gzip, deflate, br", "br"],
    ["gzip;q=1, br;q=0.9, zstd;q=0.1", "gzip"],
    ["gzip;q=0.5, br;q=0.5", "br"],
    ["gzip;q=0, br;q=0", "identity"],
    ["zstd;q=0, gzip;q=0.001", "gzip"],
    ["*", "zstd"],
    ["*;q=0", "identity"],
    ["br;q=0, *", "zstd"],
    ["identity", "identity"],
    ["identity, gzip;q=0.5", "identity"],
    ["identity;q=0.5, gzip", "gzip"],
    ["identity;q=0, gzip;q=0.1", "gzip"],
    ["identity;q=0", "identity"],
    ["deflate, compress", "identity"],
    ["GZIP", "gzip"],
    ["gzip;q=2, br;q=x", "identity"],
  ])("is sent by Accept-Encoding: %s → %s", async (accepted, coding) => {
    const answer = await get("/all.js", accepted);
    expect(answer.status).toBe(200);
    expect(field(answer, "Content-Encoding")).toBe(coding === "identity" ? undefined : coding);
    const body = BYTES[coding] ?? TEXT;
    expect(answer.body.equals(body)).toBe(true);
    expect(field(answer, "Content-Length")).toBe(String(body.length));
    // All that is not of the coding is the file's own.
    expect(field(answer, "Content-Type")).toBe("text/javascript; charset=utf-8");
    expect(field(answer, "Content-Disposition")).toBe('attachment; filename="all.js"');
    expect(field(answer, "Vary")).toBe("Accept-Encoding");
    expect(field(answer, "Accept-Ranges")).toBe("bytes");
    expect(field(answer, "X-Content-Type-Options")).toBe("nosniff");
  });

  test("is the next best one where the best is not there", async () => {
    expect(await codingOf("/zip-only.css", "zstd, br, gzip;q=0.1")).toBe("gzip");
    expect(await codingOf("/zip-only.css", "zstd, br")).toBe("identity");
    expect(await codingOf("/zip-only.css", "zstd, br, identity;q=0.5, gzip;q=0.4")).toBe("identity");
    expect(await codingOf("/none.html", "zstd, br, gzip")).toBe("identity");
    expect(await codingOf("/folder/", "zstd, br, gzip")).toBe("br");
  });

  test("is passed over where it is older, not a file, or outside; not where it is newer or linked within", async () => {
    expect(await codingOf("/old.txt", "br, gzip;q=0.5")).toBe("gzip");
    expect(await codingOf("/old.txt", "br")).toBe("identity");
    expect(await codingOf("/odd.txt", "br, gzip;q=0.5")).toBe("gzip");
    expect(await codingOf("/linked.txt", "gzip")).toBe("identity");
    expect((await get("/linked.txt", "gzip")).body.equals(TEXT)).toBe(true);
    expect(await codingOf("/newer.txt", "gzip")).toBe("gzip");
    expect(await codingOf("/linked-in.txt", "gzip")).toBe("gzip");
    expect(openDescriptors(base)).toBe(0);
  });

  test("outside is sent with outsideSymlinks", async () => {
    const response = await directory(root, { outsideSymlinks: true })(
      new Request("http://host/linked.txt", { headers: { "Accept-Encoding": "gzip" } }),
    );
    expect(Buffer.from(await response.arrayBuffer()).equals(readFileSync(join(base, "outside.gz")))).toBe(true);
  });

  test("is not looked for beside what is not text", async () => {
    const answer = await get("/picture.png", "gzip, br, zstd");
    expect([field(answer, "Content-Encoding"), field(answer, "Vary")]).toEqual([undefined, undefined]);
    expect(answer.body.equals(TEXT)).toBe(true);
  });

  test("is a file as any other by its own name", async () => {
    const answer = await get("/all.js.gz", "gzip");
    expect([field(answer, "Content-Encoding"), field(answer, "Vary")]).toEqual([undefined, undefined]);
    expect(field(answer, "Content-Type")).not.toMatch(/javascript/u);
    expect(answer.body.equals(BYTES["gzip"]!)).toBe(true);
  });

  test("is left alone with sidecars: false", async () => {
    const response = await directory(root, { sidecars: false })(
      new Request("http://host/all.js", { headers: { "Accept-Encoding": "gzip" } }),
    );
    expect([response.headers.get("Content-Encoding"), response.headers.get("Vary")]).toEqual([null, null]);
    expect(Buffer.from(await response.arrayBuffer()).equals(TEXT)).toBe(true);
  });
});

describe("the state of what is coded", () => {
  test("each coding has a strong tag of its own, and is come back for by that", async () => {
    const tags = new Map<string, string>();
    for (const coding of ["identity", "gzip", "br", "zstd"]) {
      const answer = await get("/all.js", coding);
      tags.set(coding, field(answer, "ETag")!);
      expect(field(answer, "Last-Modified")).toBe(LAST_MODIFIED);
    }
    expect(new Set(tags.values()).size).toBe(4);
    for (const [coding, tag] of tags) {
      expect(tag).toMatch(/^"[\w-]{22}"$/u);
      const body = BYTES[coding] ?? TEXT;
      const part = await get("/all.js", coding, `If-Range: ${tag}`, "Range: bytes=10-19");
      expect([part.status, field(part, "Content-Range")]).toEqual([206, `bytes 10-19/${body.length}`]);
      expect(part.body.equals(body.subarray(10, 20))).toBe(true);
      expect(field(part, "Content-Encoding")).toBe(coding === "identity" ? undefined : coding);
      expect(field(part, "Vary")).toBe("Accept-Encoding");
      const unmodified = await get("/all.js", coding, `If-None-Match: ${tag}`);
      expect([unmodified.status, field(unmodified, "Vary"), field(unmodified, "ETag")]).toEqual([
        304,
        "Accept-Encoding",
        tag,
      ]);
      expect(unmodified.headers.has("content-encoding")).toBe(false);
      expect((await get("/all.js", coding, `If-Match: ${tag}`)).status).toBe(200);
      // Parts of two codings would make a file that never was.
      const other = coding === "gzip" ? "br" : "gzip";
      const mixed = await get("/all.js", other, `If-Range: ${tag}`, "Range: bytes=10-19");
      expect([mixed.status, mixed.body.equals(BYTES[other]!)]).toEqual([200, true]);
      expect((await get("/all.js", other, `If-None-Match: ${tag}`)).status).toBe(200);
      expect((await get("/all.js", other, `If-Match: ${tag}`)).status).toBe(412);
    }
  });

  test("several parts of coded bytes can be read by what decodes bodies by itself", async () => {
    const text = randomBytes(10_000).toString("hex");
    writeAt(root, "long.txt", text);
    writeAt(root, "long.txt.gz", gzipSync(text));
    const headers = { "Accept-Encoding": "gzip", Range: "bytes=0-9,2000-2009" };
    const response = await fetch(`http://127.0.0.1:${server.port}/long.txt`, { headers });
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(20);
  });

  test("what is beyond the coded bytes is 416, with their length", async () => {
    const { length } = BYTES["br"]!;
    const answer = await get("/all.js", "br", `Range: bytes=${length}-`);
    expect([answer.status, field(answer, "Content-Range"), field(answer, "Vary")]).toEqual([
      416,
      `bytes */${length}`,
      "Accept-Encoding",
    ]);
    expect(answer.headers.has("content-encoding")).toBe(false);
  });

  test("a listener that compresses leaves what is coded as it is, and codes what is not", async () => {
    await using compressing = await serve(directory(root), { port: 0, compress: true });
    const coded = await ask(compressing.port, "/zip-only.css", ["Accept-Encoding: gzip"]);
    expect(coded.body.equals(BYTES["gzip"]!)).toBe(true);
    expect(field(coded, "Vary")).toBe("Accept-Encoding");
    const made = await ask(compressing.port, "/none.html", ["Accept-Encoding: gzip"]);
    expect([field(made, "Content-Encoding"), field(made, "Vary")]).toEqual(["gzip", "Accept-Encoding"]);
    expect(field(made, "ETag")).toMatch(/^W\//u);
    expect(made.headers.has("accept-ranges")).toBe(false);
  });
});
