import { createHash } from "node:crypto";
import { cpSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sluice } from "../cli/sluice.ts";
import { curl } from "../helpers/curl.ts";
import { DEADLINE_MS } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { untilSettled } from "./support/big-file.ts";
import { Origin } from "./support/origin.ts";

/** Every flag of `sluice serve` that is about files, as somebody with a terminal sees it. */
const TEXT = "A line of text.\n".repeat(500);
const PAGE = "<!doctype html><title>Page</title>";
const folder = temporaryFolder();
const files = join(folder.path, "files");
const origins: Origin[] = [];

async function start(...flags: string[]): Promise<string> {
  const origin = await Origin.start(files, ...flags);
  origins.push(origin);
  return `${origin.url}/files`;
}

/** The answer's fields, by name in small letters. */
async function head(url: string, ...options: string[]): Promise<Record<string, string>> {
  const { body } = await curl(url, "-I", ...options);
  const lines = body.toString("latin1").trim().split("\r\n").slice(1);
  return Object.fromEntries(lines.map((line) => [line.split(":", 1)[0]!.toLowerCase(), line.replace(/^.*?: /u, "")]));
}

beforeAll(async () => {
  mkdirSync(join(files, "sub/site"), { recursive: true });
  mkdirSync(join(files, ".well-known"));
  writeFileSync(join(files, "text.txt"), TEXT);
  writeFileSync(join(files, "text.txt.br"), brotliCompressSync(TEXT));
  writeFileSync(join(files, "page.html"), PAGE);
  writeFileSync(join(files, "sub/site/index.html"), PAGE);
  writeFileSync(join(files, ".secret"), "secret");
  writeFileSync(join(files, ".well-known/security.txt"), "Contact: mailto:a@example.org\n");
  writeFileSync(join(files, "Übersicht.csv"), "a,b\r\n");
  writeFileSync(join(folder.path, "outside.txt"), "outside");
  symlinkSync("../outside.txt", join(files, "link.txt"));
  symlinkSync("text.txt", join(files, "inner.txt"));
  const copies = join(folder.path, "copies");
  mkdirSync(copies);
  const yesterday = new Date(Date.now() - 86_400_000);
  for (const name of ["a.txt", "copied.txt", "touched.txt"]) cpSync(join(files, "text.txt"), join(copies, name));
  writeFileSync(join(copies, "other.txt"), TEXT.replaceAll("A", "B"));
  for (const name of ["a.txt", "copied.txt", "other.txt"]) utimesSync(join(copies, name), yesterday, yesterday);
  await untilSettled();
});
afterAll(async () => {
  for (const origin of origins) await origin[Symbol.asyncDispose]();
});

describe("--files", () => {
  let url: string;
  beforeAll(async () => void (url = await start()));

  test("serves a file whole, and a part of it", async () => {
    expect((await curl(`${url}/text.txt`)).body.toString()).toBe(TEXT);
    const part = await curl(`${url}/text.txt`, "-r", "16-31");
    expect([part.status, part.body.toString()]).toEqual([206, TEXT.slice(16, 32)]);
    const several = (await curl(`${url}/text.txt`, "-r", "0-3,2000-2003", "-i")).body.toString();
    expect(several).toMatch(/^HTTP\/1.1 206[\s\S]+content-type: multipart\/byteranges; boundary=/iu);
    expect((await curl(`${url}/text.txt`, "-r", "8000-")).status).toBe(416);
  });

  test("asks nobody to load what they have", async () => {
    const { etag = "", "last-modified": modified = "" } = await head(`${url}/text.txt`);
    expect(etag).toMatch(/^"[\w-]+"$/u);
    for (const field of [`If-None-Match: ${etag}`, `If-Modified-Since: ${modified}`]) {
      const { status, body } = await curl(`${url}/text.txt`, "-H", field);
      expect([field, status, body.length]).toEqual([field, 304, 0]);
    }
    expect((await curl(`${url}/text.txt`, "-r", "0-3", "-H", 'If-Range: "another"')).status).toBe(200);
    expect((await curl(`${url}/text.txt`, "-r", "0-3", "-H", `If-Range: ${etag}`)).status).toBe(206);
  });

  test("sends the coded form that lies beside a file to those who take it", async () => {
    const coded = await curl(`${url}/text.txt`, "--compressed");
    expect(coded.body.toString()).toBe(TEXT);
    expect(await head(`${url}/text.txt`, "--compressed")).toMatchObject({
      "content-encoding": "br",
      "content-length": String(brotliCompressSync(TEXT).length),
      vary: "Accept-Encoding",
    });
    expect(await head(`${url}/text.txt`)).not.toHaveProperty("content-encoding");
  });

  test("has curl -OJ save a file under its name", async () => {
    const { exitCode } = await curl(`${url}/%C3%9Cbersicht.csv`, "-O", "--output-dir", folder.path);
    expect(exitCode).toBe(0);
    expect(await head(`${url}/%C3%9Cbersicht.csv`)).toMatchObject({
      "content-disposition": `inline; filename="_bersicht.csv"; filename*=UTF-8''%C3%9Cbersicht.csv`,
    });
  });

  test("leads to a folder's page, and lists nothing", async () => {
    const moved = await curl(`${url}/sub/site`, "-L");
    expect([moved.status, moved.body.toString()]).toEqual([200, PAGE]);
    expect((await curl(`${url}/sub/`)).status).toBe(404);
    expect((await curl(`${url}/`)).status).toBe(404);
  });

  test("keeps to the folder, and hidden files to itself", async () => {
    expect((await curl(`${url}/inner.txt`)).body.toString()).toBe(TEXT);
    expect((await curl(`${url}/.well-known/security.txt`)).status).toBe(200);
    for (const path of [".secret", "link.txt", "nothing", "text.txt/"]) {
      expect([path, (await curl(`${url}/${path}`)).status]).toEqual([path, 404]);
    }
    for (const path of ["../outside.txt", "%2e%2e/outside.txt", "..%2foutside.txt", "sub//site/", "a%00"]) {
      expect([path, (await curl(`${url}/${path}`, "--path-as-is")).status]).toEqual([path, 400]);
    }
  });

  test("answers GET, HEAD and OPTIONS only", async () => {
    expect(await curl(`${url}/text.txt`, "-X", "OPTIONS")).toMatchObject({ status: 204 });
    expect(await curl(`${url}/text.txt`, "-X", "DELETE")).toMatchObject({ status: 405 });
    expect(await curl(`${url}/text.txt`, "-T", join(files, "text.txt"))).toMatchObject({ status: 405 });
  });

  test("has browsers save what could run as a script", async () => {
    expect(await head(`${url}/page.html`)).toMatchObject({
      "content-disposition": 'attachment; filename="page.html"',
      "x-content-type-options": "nosniff",
    });
    expect(await head(`${url}/text.txt`)).toMatchObject({ "content-disposition": 'inline; filename="text.txt"' });
  });
});

test("--files names a folder that is not there", async () => {
  await using sluice = new Sluice(["serve", "--port", "0", "--files", join(folder.path, "nowhere")]);
  expect(await sluice.end(DEADLINE_MS)).toBe(1);
  expect(sluice.stderr).toMatch(/^sluice: --files: .*nowhere.*\n$/u);
});

test("--listing answers for a folder with what is in it", async () => {
  const url = await start("--listing");
  const { body } = await curl(`${url}/`);
  const entries = JSON.parse(body.toString()) as { name: string; type: string; href: string; size?: number }[];
  expect(entries.map(({ name }) => name).toSorted()).toEqual(
    [".well-known", "inner.txt", "page.html", "sub", "text.txt", "text.txt.br", "Übersicht.csv"].toSorted(),
  );
  expect(entries.find(({ name }) => name === "text.txt")).toMatchObject({ type: "file", size: TEXT.length });
  for (const { href } of entries) expect((await curl(`${url}/${href}`, "-I", "--path-as-is")).status).not.toBe(404);
  expect(JSON.parse((await curl(`${url}/sub/`)).body.toString())).toMatchObject([{ name: "site", type: "folder" }]);
  // A page is there for its folder.
  expect((await curl(`${url}/sub/site/`)).body.toString()).toBe(PAGE);
});

test("--site shows pages", async () => {
  const url = await start("--site");
  expect(await head(`${url}/page.html`)).toMatchObject({
    "content-disposition": 'inline; filename="page.html"',
    "content-type": "text/html; charset=utf-8",
  });
});

test("--digests sends the hash of the whole file with each answer, once it is known", async () => {
  const url = await start("--digests");
  const hash = createHash("sha256").update(TEXT).digest("base64");
  // A moment after the first answer.
  await expect
    .poll(() => head(`${url}/text.txt`), { timeout: DEADLINE_MS })
    .toMatchObject({
      "repr-digest": `sha-256=:${hash}:`,
    });
  expect((await curl(`${url}/text.txt`, "-r", "0-3", "-i")).body.toString()).toContain(`sha-256=:${hash}:`);
});

describe("--etag", () => {
  /** The same bytes in another folder, as `rsync -t` makes them, and touched. */
  async function tags(mode: string): Promise<string[]> {
    const origin = await Origin.start(join(folder.path, "copies"), "--etag", mode);
    origins.push(origin);
    const found = [];
    for (const name of ["a.txt", "copied.txt", "touched.txt", "other.txt"]) {
      found.push((await head(`${origin.url}/files/${name}`))["etag"]!);
    }
    return found;
  }

  test("stat tells every file from every other", async () => {
    const found = await tags("stat");
    expect(new Set(found).size).toBe(4);
    expect(found.every((tag) => /^"[\w-]+"$/u.test(tag))).toBe(true);
  });

  test("stat-portable is the same for copies with their time", async () => {
    const [a, copied, touched] = await tags("stat-portable");
    expect([copied, touched === a]).toEqual([a, false]);
  });

  test("sha256 is the same for the same bytes", async () => {
    const [a, copied, touched, other] = await tags("sha256");
    expect([copied, touched, other === a]).toEqual([a, a, false]);
  });

  test("is one of three", async () => {
    await using sluice = new Sluice(["serve", "--files", files, "--etag", "md5"]);
    expect(await sluice.end(DEADLINE_MS)).toBe(1);
    expect(sluice.stderr).toContain("stat, stat-portable, sha256");
  });
});

test("--outside-symlinks follows links out of the folder", async () => {
  const url = await start("--outside-symlinks");
  expect((await curl(`${url}/link.txt`)).body.toString()).toBe("outside");
  expect((await curl(`${url}/.secret`)).status).toBe(404);
});

test("there are no other flags about files", async () => {
  await using sluice = new Sluice(["serve", "--help"]);
  expect(await sluice.end(DEADLINE_MS)).toBe(0);
  const flags = [...sluice.stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gmu)].map(([, flag]) => flag);
  const rows = ["--database", "--allow-sql", "--spool", "--max-rows", "--log"];
  const others = ["--port", "--host", "--config", "--demo", "--data", "--demo-rows", "--help", ...rows];
  expect(flags.filter((flag) => !others.includes(flag!))).toEqual([
    "--files",
    "--listing",
    "--site",
    "--digests",
    "--etag",
    "--outside-symlinks",
  ]);
});
