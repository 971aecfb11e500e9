import { renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { type EtagMode, directory } from "../../src/index.ts";
import { watchReports } from "../helpers/reports.ts";
import { MTIME, untilSettled, writeAt } from "./directory-support.ts";
import { temporaryFolder } from "./support.ts";

watchReports();
const base = temporaryFolder();
const STRONG = /^"[\w-]{22}"$/u;

beforeAll(async () => {
  for (const folder of ["one", "two"]) {
    writeAt(base, `${folder}/same.txt`, "the same");
    writeAt(base, `${folder}/same.txt.gz`, gzipSync("the same"));
    // Nothing tells them apart but what they are.
    writeAt(base, `${folder}/twin.txt`, "twin");
    writeAt(base, `${folder}/twin.txt.gz`, "twin");
    // Equal lengths and times, other bytes.
    writeAt(base, `${folder}/differs.txt`, `differs in ${folder}`);
    writeAt(base, `${folder}/touched.txt`, "the same", folder === "one" ? MTIME : new Date("2020-01-01"));
    writeAt(base, `${folder}/zero.txt`, "zero", new Date(0));
  }
  await untilSettled(join(base, "two/zero.txt"));
});

async function tagOf(
  folder: string,
  name: string,
  etag: EtagMode,
  headers: Record<string, string> = {},
): Promise<string | null> {
  const response = await directory(join(base, folder), { etag })(new Request(`http://host/${name}`, { headers }));
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  return response.headers.get("ETag");
}
const bothTags = (name: string, etag: EtagMode, headers?: Record<string, string>): Promise<(string | null)[]> =>
  Promise.all(["one", "two"].map((folder) => tagOf(folder, name, etag, headers)));

describe("a tag made of", () => {
  test("stat is the file's own: a copy has another", async () => {
    const [one, two] = await bothTags("same.txt", "stat");
    expect(one).toMatch(STRONG);
    expect(two).not.toBe(one);
    expect(await tagOf("one", "same.txt", "stat")).toBe(one);
  });

  test("stat-portable is shared by copies of one time and length", async () => {
    const [one, two] = await bothTags("same.txt", "stat-portable");
    expect(one).toMatch(STRONG);
    expect(two).toBe(one);
    const [early, late] = await bothTags("touched.txt", "stat-portable");
    expect(early).not.toBe(late);
  });

  test("sha256 is shared by equal bytes, whatever their times are, and by no others", async () => {
    const [one, two] = await bothTags("same.txt", "sha256");
    expect(one).toMatch(STRONG);
    expect(await bothTags("touched.txt", "sha256")).toEqual([one, one]);
    expect(two).toBe(one);
    const [differs, other] = await bothTags("differs.txt", "sha256");
    expect(differs).toMatch(STRONG);
    expect(other).not.toBe(differs);
  });

  test.each<EtagMode>(["stat", "stat-portable", "sha256"])("%s is another for each coding", async (mode) => {
    const [plain] = await bothTags("same.txt", mode);
    const [coded, copy] = await bothTags("same.txt", mode, { "Accept-Encoding": "gzip" });
    expect(coded).toMatch(STRONG);
    expect(coded).not.toBe(plain);
    if (mode !== "stat") expect(copy).toBe(coded);
    const [twin] = await bothTags("twin.txt", mode);
    const [codedTwin] = await bothTags("twin.txt", mode, { "Accept-Encoding": "gzip" });
    expect(codedTwin).toMatch(STRONG);
    expect(codedTwin).not.toBe(twin);
  });
});

test("with sha256 the first answer waits for the hash, and so has a tag", async () => {
  writeFileSync(join(base, "waits.bin"), Buffer.alloc(64 * 1024 * 1024, "x"));
  utimesSync(join(base, "waits.bin"), MTIME, MTIME);
  await untilSettled(join(base, "waits.bin"));
  expect(await tagOf(".", "waits.bin", "sha256")).toMatch(STRONG);
});

test("with sha256 a file that has just changed has no tag, and no old one", async () => {
  const path = writeAt(base, "changing.txt", "before");
  await untilSettled(path);
  const before = await tagOf(".", "changing.txt", "sha256");
  expect(before).toMatch(STRONG);
  // As a deploy does that keeps times: nothing but the inode and ctime is another.
  renameSync(writeAt(base, "changing.txt.new", "behind"), path);
  expect(await tagOf(".", "changing.txt", "sha256")).toBeNull();
  await untilSettled(path);
  expect(await tagOf(".", "changing.txt", "sha256")).not.toBe(before);
});

test("while a file is young, its tag is weak in every mode that needs no hash", async () => {
  writeAt(base, "young.txt", "young", new Date());
  for (const mode of ["stat", "stat-portable"] as const) {
    expect(await tagOf(".", "young.txt", mode)).toMatch(/^W\/"[\w-]{22}"$/u);
  }
});

test("parts of a young file are not to be joined: neither its tag nor its date is strong", async () => {
  writeAt(base, "growing.txt", "0123456789", new Date());
  const get = async (headers: Record<string, string> = {}): Promise<Response> => {
    const response = await directory(base)(new Request("http://host/growing.txt", { headers }));
    await response.clone().text();
    return response;
  };
  const { headers } = await get();
  for (const name of ["ETag", "Last-Modified"]) {
    const response = await get({ "If-Range": headers.get(name)!, Range: "bytes=2-3" });
    expect([name, response.status, await response.text()]).toEqual([name, 200, "0123456789"]);
  }
  expect((await get({ "If-Match": headers.get("ETag")! })).status).toBe(412);
  expect((await get({ "If-None-Match": headers.get("ETag")! })).status).toBe(304);
});

test("where the time says nothing, stat-portable has no tag until the bytes are known", async () => {
  const [first] = await bothTags("zero.txt", "stat-portable");
  expect(first).toBeNull();
  await expect
    .poll(() => bothTags("zero.txt", "stat-portable"), { timeout: 8_000 })
    .toEqual([expect.stringMatching(STRONG), expect.stringMatching(STRONG)]);
  const [one, two] = await bothTags("zero.txt", "stat-portable");
  expect(two).toBe(one);
});
