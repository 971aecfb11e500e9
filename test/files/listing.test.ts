import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DirectoryOptions, directory } from "../../src/index.ts";
import type { ListedEntry } from "../../src/files/listing.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { MTIME, ask, field, writeAt } from "./directory-support.ts";
import { Outcomes, openDescriptors, serveHere, temporaryFolder } from "./support.ts";

const reports = watchReports();
const outcomes = new Outcomes();
const base = temporaryFolder();
const root = join(base, "root");
const MANY = 3_000;
let server: RunningServer;

/** Names that are hard on URLs, on JSON, or on both. */
const ODD = [
  "a b",
  "100%",
  "%2e%2e",
  "ü ☃ 😀",
  "a?b",
  "a#b",
  'a"b',
  "a;b=c",
  "a&b",
  "<b>",
  "a'b",
  "~",
  "..a",
  "+",
  ":",
  "@",
  "http:",
  "-",
  "e\u0301",
].filter((name) => !name.startsWith("."));

beforeAll(async () => {
  writeAt(root, "file.txt", "12345");
  writeAt(root, "folder/below.txt", "x");
  writeAt(root, ".hidden", "x");
  writeAt(root, ".git/config", "x");
  writeAt(root, ".well-known/security.txt", "x");
  writeAt(root, "folder/.well-known/x", "x");
  writeAt(root, "indexed/index.html", "<p>index");
  mkdirSync(join(root, "empty"));
  mkdirSync(join(root, "pipes"));
  for (const name of ["a", "b"]) execFileSync("mkfifo", [join(root, "pipes", name)]);
  for (const name of ODD) writeAt(root, `odd/${name}`, name);
  for (const name of ODD) mkdirSync(join(root, `odd-folders/${name}`), { recursive: true });
  for (let index = 0; index < MANY; index++) writeAt(root, `many/file-${index}.txt`, "x");
  writeAt(base, "outside/secret.txt", "secret");
  symlinkSync("../outside/secret.txt", join(root, "link-out.txt"));
  symlinkSync("../outside", join(root, "folder-out"));
  symlinkSync("file.txt", join(root, "link-in.txt"));
  symlinkSync("folder", join(root, "folder-in"));
  symlinkSync("nowhere", join(root, "dangling"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("/dev/zero", join(root, "device"));
  execFileSync("mkfifo", [join(root, "fifo")]);
  const socket = createServer().listen(join(root, "socket"));
  afterAll(() => void socket.close());
  // What a URL cannot say.
  writeAt(root, "back\\slash", "x");
  writeAt(root, "new\nline", "x");
  writeFileSync(Buffer.concat([Buffer.from(`${root}/no-utf8-`), Buffer.from([0xff, 0xfe])]), "x");
  server = await serveHere(directory(root, { listing: true, onFinish: outcomes.onFinish }));
});
afterAll(() => server.destroy());

async function list(target: string, options: DirectoryOptions = {}): Promise<ListedEntry[]> {
  const response = await directory(root, { listing: true, ...options })(new Request(`http://host${target}`));
  expect(response.status).toBe(200);
  return (await response.json()) as ListedEntry[];
}
const namesOf = (entries: readonly ListedEntry[]): string[] => entries.map(({ name }) => name).toSorted();

describe("a listing", () => {
  test("is not made unless it is asked for", async () => {
    await using without = await serveHere(directory(root));
    for (const target of ["/", "/folder/", "/empty/"]) {
      const answer = await ask(without.port, target);
      expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([404, { title: "Not Found", status: 404 }]);
    }
  });

  test("has the files and folders, as JSON", async () => {
    const answer = await ask(server.port, "/");
    expect(answer.status).toBe(200);
    expect(field(answer, "Content-Type")).toBe("application/json");
    expect(field(answer, "Cache-Control")).toBe("no-cache");
    expect(field(answer, "X-Content-Type-Options")).toBe("nosniff");
    expect(field(answer, "Accept-Ranges")).toBe("none");
    const entries = JSON.parse(answer.body.toString()) as ListedEntry[];
    const modified = MTIME.toISOString();
    expect(entries).toContainEqual({ name: "file.txt", type: "file", href: "./file.txt", size: 5, modified });
    expect(entries).toContainEqual({
      name: "folder",
      type: "folder",
      href: "./folder/",
      modified: expect.any(String) as string,
    });
    // One entry a line.
    expect(answer.body.toString().split("\n")).toHaveLength(entries.length + 3);
  });

  test("of an empty folder is an empty array, as of one with nothing to show", async () => {
    for (const target of ["/empty/", "/pipes/"]) {
      expect((await ask(server.port, target)).body.toString()).toBe("[]\n");
    }
  });

  test("has nothing that is hidden, leads out, or cannot be asked for", async () => {
    expect(namesOf(await list("/"))).toEqual([
      ".well-known",
      "empty",
      "file.txt",
      "folder",
      "folder-in",
      "indexed",
      "link-in.txt",
      "many",
      "odd",
      "odd-folders",
      "pipes",
    ]);
    expect(namesOf(await list("/folder/"))).toEqual(["below.txt"]);
    expect(namesOf(await list("/folder-in/"))).toEqual(["below.txt"]);
  });

  test("has what is hidden with dotfiles, and what leads out with outsideSymlinks", async () => {
    const hidden = await list("/", { dotfiles: true });
    expect(namesOf(hidden)).toEqual(expect.arrayContaining([".hidden", ".git", ".well-known"]));
    const outside = namesOf(await list("/", { outsideSymlinks: true }));
    expect(outside).toEqual(expect.arrayContaining(["link-out.txt", "folder-out"]));
    for (const name of ["dangling", "loop", "device", "fifo", "socket"]) expect(outside).not.toContain(name);
    expect((await ask(server.port, "/folder-out/")).status).toBe(404);
  });

  test("has only what is there: every link of it is followed, and answered with 200", async () => {
    let followed = 0;
    const walk = async (path: string): Promise<void> => {
      const answer = await ask(server.port, path);
      expect([path, answer.status]).toEqual([path, 200]);
      if (!path.endsWith("/") || field(answer, "Content-Type") !== "application/json") return;
      for (const { href, name, type, size } of JSON.parse(answer.body.toString()) as ListedEntry[]) {
        followed++;
        const { pathname, origin } = new URL(href, `http://host${path}`);
        expect(origin).toBe("http://host");
        // Of many alike, a few.
        if (name.startsWith("file-") && !name.endsWith("99.txt")) continue;
        if (type === "file")
          expect(field(await ask(server.port, pathname, [], "HEAD"), "Content-Length")).toBe(String(size));
        await walk(pathname);
      }
    };
    await walk("/");
    expect(followed).toBeGreaterThan(MANY + 2 * ODD.length);
    expect(namesOf(await list("/odd/"))).toEqual(ODD.toSorted());
    expect(namesOf(await list("/odd-folders/"))).toEqual(ODD.toSorted());
  });

  test("has every entry once, however many there are", async () => {
    const names = namesOf(await list("/many/"));
    expect(names).toHaveLength(MANY);
    expect(new Set(names).size).toBe(MANY);
  });

  test("gives way to the index, and takes its place with index: false", async () => {
    expect((await ask(server.port, "/indexed/")).body.toString()).toBe("<p>index");
    expect(namesOf(await list("/indexed/", { index: false }))).toEqual(["index.html"]);
  });

  test("is for GET and HEAD; a folder without its slash is redirected to", async () => {
    const head = await ask(server.port, "/folder/", [], "HEAD");
    expect([head.status, field(head, "Content-Type"), head.body.length]).toEqual([200, "application/json", 0]);
    expect((await ask(server.port, "/folder/", ["Content-Length: 0"], "POST")).status).toBe(405);
    expect(field(await ask(server.port, "/folder"), "Location")).toBe("./folder/");
    expect((await ask(server.port, "/folder/", ["Range: bytes=0-9"])).status).toBe(200);
  });

  test("is asked of the guard as any path", async () => {
    const guard = (path: readonly string[]): Response | void => {
      if (path[0] === "folder") return new Response(null, { status: 401 });
    };
    const response = await directory(root, { listing: true, guard })(new Request("http://host/folder/"));
    expect(response.status).toBe(401);
  });
});

describe("the folder that is listed", () => {
  test("is closed when the reader leaves, in the middle or before the beginning", async () => {
    outcomes.all.length = 0;
    const folder = join(root, "many");
    for (let round = 0; round < 10; round++) {
      const client = await RawClient.connect(server.port);
      client.get("/many/");
      if (round % 2 === 0) await until(() => client.byteLength > 0, "the first bytes");
      client.reset();
    }
    const response = await directory(root, { listing: true })(new Request("http://host/many/"));
    const reader = response.body!.getReader();
    await reader.read();
    expect(openDescriptors(folder)).toBeGreaterThan(0);
    await reader.cancel();
    await (await directory(root, { listing: true })(new Request("http://host/many/"))).body!.cancel();
    // A later answer comes behind all of those.
    expect((await ask(server.port, "/many/")).status).toBe(200);
    await until(() => openDescriptors(folder) === 0, "closing the folder", 1_000);
  });

  test("may be gone, or changed, by the time it is read", async () => {
    const path = join(root, "fleeting");
    mkdirSync(path);
    const response = await directory(root, { listing: true })(new Request("http://host/fleeting/"));
    rmSync(path, { recursive: true });
    // It is the folder that was found, and there is nothing left in it.
    expect(await response.json()).toEqual([]);
    for (let index = 0; index < 500; index++) writeAt(root, `fleeting/${index}.txt`, "x");
    const changing = await directory(root, { listing: true })(new Request("http://host/fleeting/"));
    const reader = changing.body!.getReader();
    let text = "";
    for (let reads = 0; ; reads++) {
      const { value, done } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString();
      if (reads === 0) renameSync(path, `${path}.moved`);
    }
    // What is gone is left out, and it stays JSON.
    expect(Array.isArray(JSON.parse(text))).toBe(true);
    expect(reports.takeAll()).toEqual([]);
    expect(openDescriptors(root)).toBe(0);
  });
});
