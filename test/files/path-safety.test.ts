import fs, { mkdirSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpError, directory } from "../../src/index.ts";
import { isWithin, realPathByName } from "../../src/files/containment.ts";
import { openEntry } from "../../src/files/open-entry.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { send } from "../helpers/wire-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { ask, field, writeAt } from "./directory-support.ts";
import { openDescriptors, serveHere, temporaryFolder } from "./support.ts";

watchReports();
const SECRET = "the secret";
const base = temporaryFolder();
const root = join(base, "p");
let server: RunningServer;

beforeAll(async () => {
  writeAt(root, "public/file.txt", "public");
  writeAt(root, "private/file.txt", "private");
  writeAt(root, ".env", SECRET);
  writeAt(root, ".git/config", SECRET);
  writeAt(root, "public/.hidden", SECRET);
  writeAt(root, ".well-known/security.txt", "contact");
  writeAt(root, ".well-known/.hidden", SECRET);
  writeAt(root, "public/.well-known/file.txt", SECRET);
  writeAt(root, "%2e%2e/file.txt", "called %2e%2e");
  writeAt(root, "a..b...", "dots");
  writeAt(base, "secret.txt", SECRET);
  // They begin as the root does.
  writeAt(base, "private.txt", SECRET);
  writeAt(base, "private/file.txt", SECRET);
  writeAt(base, "p2/file.txt", SECRET);
  const link = (target: string, name: string): void => symlinkSync(target, join(root, name));
  link("../secret.txt", "link-out.txt");
  link(join(base, "secret.txt"), "absolute-link-out.txt");
  link("../private", "folder-out");
  link("../private.txt", "beside.txt");
  link("link-out.txt", "chain.txt");
  link("folder-out", "folder-chain");
  link("public/file.txt", "link-in.txt");
  link("public", "folder-in");
  link(join(root, "public"), "absolute-folder-in");
  link("../p/public/file.txt", "out-and-in.txt");
  server = await serveHere(directory(root));
});
afterAll(() => server.destroy());

describe("a target as it is written", () => {
  test.each([
    "//",
    "//public/file.txt",
    "/public//file.txt",
    "/./public/file.txt",
    "/public/./file.txt",
    "/../secret.txt",
    "/public/../private/file.txt",
    "/public/..",
    "/%2e%2e/secret.txt",
    "/.%2e/secret.txt",
    "/%2E./secret.txt",
    "/public/%2e/file.txt",
    "/public%2Ffile.txt",
    "/public%2ffile.txt",
    "/..%2Fsecret.txt",
    "/..%5Csecret.txt",
    "/public%5cfile.txt",
    "/..\\secret.txt",
    "/public\\file.txt",
    "/file%00.txt",
    "/public/file.txt%00.png",
    "/public/file.txt%0a",
    "/%zz",
    "/%",
    "/public/file.txt%2",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%afsecret.txt",
    "/%ed%a0%80",
    "http://localhost//public/file.txt",
    "http://localhost/../secret.txt",
    "http://localhost/public/%2e%2e/file.txt",
    "http://evil\\@localhost/public/file.txt",
    "ftp://localhost/public/file.txt",
    "file:///etc/passwd",
  ])("%s is refused with 400, and not repaired", async (target) => {
    const answer = await ask(server.port, target);
    expect(answer.status).toBe(400);
    expect(answer.headers.has("location")).toBe(false);
    expect(answer.body.toString()).not.toContain(base);
  });

  test.each([
    ["/public/file.txt", "public"],
    ["/%70ublic/fil%65.txt", "public"],
    ["http://localhost/public/file.txt", "public"],
    ["http://other.example:81/public/file.txt", "public"],
    ["/public/file.txt?a=/../b", "public"],
    ["/a..b...", "dots"],
    // Decoded once: these are names.
    ["/%252e%252e/file.txt", "called %2e%2e"],
  ])("%s is what it says", async (target, content) => {
    const answer = await ask(server.port, target);
    expect([answer.status, answer.body.toString()]).toEqual([200, content]);
  });

  test("on HTTP/2 it is read in the same way", async () => {
    await using secure = await serve(directory(root), { port: 0, tls: selfSigned() });
    for (const target of [
      "//public/file.txt",
      "/public/../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/a\\b",
      "/%zz",
    ]) {
      const answer = await send("h2", secure.port, target);
      expect([target, answer.status]).toEqual([target, 400]);
      answer.leave();
    }
    const answer = await send("h2", secure.port, "/%70ublic/file.txt");
    expect((await answer.readAll()).toString()).toBe("public");
  });

  test("bytes that are no text, and control characters, never reach the file system", async () => {
    for (const target of ["/file\0.txt", "/public/file.txt\u007f", "/\u00ff\u00fe", "/a\tb", "/a\u0001"]) {
      using client = await RawClient.connect(server.port);
      client.get(target, "Connection: close");
      await client.end();
      expect([target, client.text.slice(0, 12)]).toEqual([target, "HTTP/1.1 400"]);
    }
  });

  test.each([
    `/${"a".repeat(255)}`,
    `/${"a".repeat(256)}`,
    `/${"a".repeat(15_000)}`,
    "/a".repeat(7_000),
    `/${"%61".repeat(4_000)}`,
  ])("a name that is too long for the file system is 404 (%#)", async (target) => {
    expect((await ask(server.port, target)).status).toBe(404);
  });
});

describe("names that begin with a dot", () => {
  const hidden = [
    "/.env",
    "/%2eenv",
    "/.git/config",
    "/.git",
    "/.git/",
    "/public/.hidden",
    "/.well-known/.hidden",
    "/public/.well-known/file.txt",
  ];
  test.each(hidden)("%s is 404", async (target) => {
    expect((await ask(server.port, target)).status).toBe(404);
  });

  test("/.well-known/ is served", async () => {
    expect((await ask(server.port, "/.well-known/security.txt")).body.toString()).toBe("contact");
  });

  test("with dotfiles they are files as any other", async () => {
    await using open = await serveHere(directory(root, { dotfiles: true }));
    for (const target of hidden.filter((each) => !/git\/?$/u.test(each))) {
      expect([target, (await ask(open.port, target)).body.toString()]).toEqual([target, SECRET]);
    }
  });
});

describe("symbolic links", () => {
  const outside = [
    "/link-out.txt",
    "/absolute-link-out.txt",
    "/folder-out/file.txt",
    "/beside.txt",
    "/chain.txt",
    "/folder-chain/file.txt",
  ];
  test.each([...outside, "/folder-out", "/folder-out/", "/folder-chain/"])("%s leads out: 404", async (target) => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(server.port, target, [], method);
      expect([target, answer.status]).toEqual([target, 404]);
      expect(answer.headers.has("etag")).toBe(false);
    }
    expect(openDescriptors(base)).toBe(0);
  });

  test.each(["/link-in.txt", "/folder-in/file.txt", "/absolute-folder-in/file.txt", "/out-and-in.txt"])(
    "%s stays within: it is served",
    async (target) => {
      expect((await ask(server.port, target)).body.toString()).toBe("public");
    },
  );

  test("with outsideSymlinks they may lead anywhere", async () => {
    await using open = await serveHere(directory(root, { outsideSymlinks: true }));
    for (const target of outside) expect((await ask(open.port, target)).body.toString()).toBe(SECRET);
    expect((await ask(open.port, "/../secret.txt")).status).toBe(400);
  });

  test("an index that leads out is none", async () => {
    mkdirSync(join(root, "site"));
    symlinkSync("../../secret.txt", join(root, "site/index.html"));
    expect((await ask(server.port, "/site/")).status).toBe(404);
  });
});

describe("the root", () => {
  /** Another release, whose files are called as those of the last one. */
  function release(name: string): void {
    writeAt(base, `releases/${name}/file.txt`, name);
    writeAt(base, `releases/${name}/only-${name}.txt`, name);
  }
  const current = join(base, "current");
  const switchTo = (name: string): void => {
    symlinkSync(`releases/${name}`, `${current}.next`);
    renameSync(`${current}.next`, current);
  };

  test("may be a symbolic link, which is set to another release while it is served", async () => {
    for (const name of ["1", "2", "3"]) release(name);
    switchTo("1");
    await using live = await serveHere(directory(current));
    for (const name of ["1", "2", "3", "1"]) {
      switchTo(name);
      expect((await ask(live.port, "/file.txt")).body.toString()).toBe(name);
      expect((await ask(live.port, `/only-${name}.txt`)).status).toBe(200);
    }
    expect((await ask(live.port, "/only-2.txt")).status).toBe(404);
    // One that is gone altogether takes nothing else in its place.
    unlinkSync(current);
    expect((await ask(live.port, "/file.txt")).status).toBe(404);
  });

  test("that it was before is outside", async () => {
    release("old");
    release("new");
    symlinkSync("../old/only-old.txt", join(base, "releases/new/link.txt"));
    switchTo("old");
    await using live = await serveHere(directory(current));
    expect((await ask(live.port, "/file.txt")).body.toString()).toBe("old");
    switchTo("new");
    expect((await ask(live.port, "/file.txt")).body.toString()).toBe("new");
    expect((await ask(live.port, "/link.txt")).status).toBe(404);
  });

  test("that it was before is outside from the first request on", async () => {
    release("before");
    release("after");
    symlinkSync("../before/only-before.txt", join(base, "releases/after/link.txt"));
    switchTo("before");
    await using live = await serveHere(directory(current));
    expect((await ask(live.port, "/file.txt")).body.toString()).toBe("before");
    switchTo("after");
    expect((await ask(live.port, "/link.txt")).status).toBe(404);
  });

  test("is not what only begins as it does", async () => {
    await using prefixed = await serveHere(directory(root, { prefix: "/p" }));
    expect((await ask(prefixed.port, "/p/public/file.txt")).body.toString()).toBe("public");
    for (const target of [
      "/private.txt",
      "/private/file.txt",
      "/p2/file.txt",
      "/P/public/file.txt",
      "/public/file.txt",
      "/",
    ]) {
      expect([target, (await ask(prefixed.port, target)).status]).toEqual([target, 404]);
    }
    for (const target of ["/p/../private.txt", "/p//public/file.txt", "/x/%2e%2e/p/public/file.txt"]) {
      expect([target, (await ask(prefixed.port, target)).status]).toEqual([target, 400]);
    }
    expect([isWithin("/www/private.txt", "/www/p"), isWithin("/www/p", "/www/p")]).toEqual([false, true]);
    expect([isWithin("/www/p/x", "/www/p"), isWithin("/etc", "/"), isWithin("/www", "/www/p")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("a guard", () => {
  test("sees the segments that are opened, however they are encoded, and what it refuses is not opened", async () => {
    let seen: readonly string[] | undefined;
    const guarded = directory(root, {
      guard: (path) => {
        seen = path;
        if (path[0] === "private") throw new HttpError(403);
      },
    });
    const piece = fc.constantFrom(
      ..."public private file.txt p %70 %50 %2e .. . %252e / // %2f %5c \\ %00 %c0%af é %C3%A9 ; ? # : @ %20 + ~ .%2e".split(
        " ",
      ),
    );
    const random = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join("")}`);
    const spelled = fc
      .tuple(fc.constantFrom("private/file.txt", "public/file.txt"), fc.infiniteStream(fc.constantFrom(0, 0, 1, 2)))
      .map(([path, how]) =>
        Array.from(path, (character) => {
          const hex = character.charCodeAt(0).toString(16);
          return [character, `%${hex}`, `%${hex.toUpperCase()}`][how.next().value!];
        }).join(""),
      )
      .chain((path) =>
        fc.constantFrom(`/${path}`, `//${path}`, `/./${path}`, `/public/../${path}`, `/${path}?x`, `/${path}/`),
      );
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(random, spelled), async (target) => {
        seen = undefined;
        // Servers hand the target over as it came; a URL has been normalised.
        const request = Object.assign(new Request("http://host/"), { runtime: { node: { req: { url: target } } } });
        const response = await guarded(request);
        const content = await response.text();
        expect(content).not.toBe("private");
        if (response.status !== 200) return;
        opened++;
        expect(seen).toBeDefined();
        expect(content).toBe("public");
        expect(seen).toEqual(["public", "file.txt"]);
      }),
      { numRuns: 3_000 },
    );
    expect(opened).toBeGreaterThan(50);
  });

  test("answers itself, or throws the answer; what else it throws is the server's", async () => {
    const asked: string[][] = [];
    const guarded = directory(root, {
      prefix: "/files",
      guard: (path, request) => {
        asked.push([...path]);
        if (request.headers.get("Authorization")) return;
        if (path[0] === "private") return Response.json({ log: "in" }, { status: 401 });
        throw new HttpError(402, "Pay first");
      },
    });
    const get = (path: string, init?: RequestInit): Promise<Response> =>
      guarded(new Request(`http://h/files${path}`, init));
    const refused = await get("/private/file.txt");
    expect([refused.status, await refused.json()]).toEqual([401, { log: "in" }]);
    expect(await (await get("/%70ublic/file.txt")).json()).toMatchObject({ status: 402, detail: "Pay first" });
    expect(await (await get("/private/file.txt", { headers: { Authorization: "x" } })).text()).toBe("private");
    // It is not asked about what is refused before.
    expect((await get("/.env")).status).toBe(404);
    expect(asked).toEqual([
      ["private", "file.txt"],
      ["public", "file.txt"],
      ["private", "file.txt"],
    ]);
    expect(openDescriptors(root)).toBe(0);
  });

  test("is asked before anything is found out, for folders and what is missing as well", async () => {
    const guarded = directory(root, { guard: () => new Response(null, { status: 401 }), listing: true });
    for (const target of ["/", "/public", "/public/", "/missing", "/public/file.txt/"]) {
      const response = await guarded(new Request(`http://h${target}`));
      expect([target, response.status, response.headers.get("Location")]).toEqual([target, 401, null]);
    }
  });
});

describe("where the system does not know the path of a descriptor", () => {
  test("links are followed within, and not out, as where it does", async () => {
    const { readlinkSync } = fs;
    fs.readlinkSync = ((path: string, ...rest: []) => {
      if (path.startsWith("/proc/self/fd/")) throw Object.assign(new Error("no /proc"), { code: "ENOENT" });
      return readlinkSync(path, ...rest);
    }) as never;
    syncBuiltinESMExports();
    try {
      const statusOf = async (target: string): Promise<number> => (await ask(server.port, target)).status;
      for (const target of ["/public/file.txt", "/link-in.txt", "/folder-in/file.txt", "/out-and-in.txt"]) {
        expect([target, await statusOf(target)]).toEqual([target, 200]);
      }
      for (const target of ["/link-out.txt", "/folder-out/file.txt", "/beside.txt", "/chain.txt", "/folder-out/"]) {
        expect([target, await statusOf(target)]).toEqual([target, 404]);
      }
    } finally {
      fs.readlinkSync = readlinkSync;
      syncBuiltinESMExports();
    }
    expect(openDescriptors(base)).toBe(0);
  });

  test("its name's real path is taken, as long as it is the same file", async () => {
    const path = writeAt(base, "names/file.txt", "x");
    symlinkSync("file.txt", join(base, "names/link.txt"));
    for (const name of ["file.txt", "link.txt"]) {
      const entry = await openEntry(join(base, "names", name));
      expect(await realPathByName(entry, join(base, "names", name))).toBe(path);
      entry.close();
    }
  });

  test("a name that stands for something else by then, or for nothing, is not trusted", async () => {
    const path = writeAt(base, "names/swapped.txt", "x");
    const entry = await openEntry(path);
    writeFileSync(`${path}.new`, SECRET);
    renameSync(`${path}.new`, path);
    expect(await realPathByName(entry, path)).toBeUndefined();
    rmSync(path);
    expect(await realPathByName(entry, path)).toBeUndefined();
    symlinkSync("../secret.txt", path);
    expect(await realPathByName(entry, path)).toBeUndefined();
    // What is outside is known to be so.
    const secret = await openEntry(path);
    expect(await realPathByName(secret, path)).toBe(join(base, "secret.txt"));
    for (const each of [entry, secret]) each.close();
  });
});

test("no answer tells a path of the machine", async () => {
  const targets = ["/missing", "/link-out.txt", "/..", "/public/file.txt/", "/%zz", "/public", `/${"a".repeat(300)}`];
  for (const target of targets) {
    const answer = await ask(server.port, target);
    expect(JSON.stringify([...answer.headers]) + answer.body.toString()).not.toMatch(
      /sluice|\/tmp|node:|\.ts\b| at .*:\d/u,
    );
    if (answer.status >= 400) expect(field(answer, "Content-Type")).toBe("application/problem+json");
  }
  expect(statSync(root).isDirectory()).toBe(true);
});
