import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type EventLog } from "sluice";
import { sqliteLog } from "sluice/logs/sqlite";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { LogProcess } from "./support/log-process.ts";
import { seededRandom } from "./support/random.ts";
import { ran, scaled, skip } from "./support/scale.ts";

const folder = temporaryFolder();
/** Whoever has no rights here. */
const NOBODY = 65_534;
const encoder = new TextEncoder();

function newFolder(): string {
  return mkdtempSync(join(folder.path, "log-"));
}

function newPath(): string {
  return join(newFolder(), "streams.db");
}

async function append(log: EventLog, name: string, ...texts: string[]): Promise<void> {
  await log.create(name, { config: { contentType: "text/plain" }, messages: [], closed: false });
  const { status } = await log.append(name, { messages: texts.map((text) => encoder.encode(text)) });
  expect(status).toBe("appended");
}

async function read(log: EventLog, name: string): Promise<string[]> {
  const texts: string[] = [];
  for (let at = 0; ;) {
    const result = await log.read(name, at, { maxBytes: 1e6 });
    if (result.status !== "page") return [result.status];
    const { messages, next, info } = result.page;
    texts.push(...messages.map((bytes) => Buffer.from(bytes).toString()));
    if (next === info.next) return texts;
    at = next;
  }
}

/** All that is in a folder, to see that nothing of it was touched. */
function contentsOf(path: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(path)
      .toSorted()
      .map((name) => [name, statSync(join(path, name)).isDirectory() ? "/" : readFileSync(join(path, name), "base64")]),
  );
}

/** Expects that a log cannot be opened, and that what is there stays as it was. */
async function expectRefused(path: string, words: string | RegExp): Promise<void> {
  const before = contentsOf(join(path, ".."));
  await expect(sqliteLog({ path })).rejects.toMatchObject({
    code: "ERR_LOG",
    message: expect.stringMatching(words) as string,
  });
  const after = contentsOf(join(path, ".."));
  // Who asks whether it is in use leaves the file that says so.
  delete after[`${path.slice(path.lastIndexOf("/") + 1)}-lock`];
  delete before[`${path.slice(path.lastIndexOf("/") + 1)}-lock`];
  expect(after).toEqual(before);
}

describe("files that are no logs", () => {
  test("another program's database", async () => {
    const path = newPath();
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    other.close();
    await expectRefused(path, /^The log .*streams\.db is a database of another program$/u);
    expect(existsSync(`${path}-lock`)).toBe(false);
  });

  test("another program's database, all of which is in its write-ahead log", async () => {
    const path = newPath();
    const other = new DatabaseSync(path);
    other.exec("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    // As its program would leave it, were it killed now.
    const left = newPath();
    for (const end of ["", "-wal"]) copyFileSync(path + end, left + end);
    await expectRefused(path, "of another program");
    expect(other.prepare("SELECT a FROM t").all()).toEqual([{ a: 1 }]);
    other.close();
    await expectRefused(left, "of another program");
  });

  test("a log of a later version", async () => {
    const path = newPath();
    await (await sqliteLog({ path })).close();
    const later = new DatabaseSync(path);
    later.exec("PRAGMA user_version = 99");
    later.close();
    await expectRefused(path, "is of version 99; this version of Sluice knows it up to 1");
  });

  test.each<[what: string, content: string | Buffer]>([
    ["text", "This is text, and more than a header's length of it. ".repeat(20)],
    ["a byte", "a"],
    ["a short text", "This is short. ".repeat(30)],
    ["zeros", Buffer.alloc(8192)],
    ["a header and noise", Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(9000, 0xa5)])],
  ])("a file of %s", async (_what, content) => {
    const path = newPath();
    writeFileSync(path, content);
    await expectRefused(path, /is no SQLite database|is damaged/u);
  });

  test("a folder, and a file in none", async () => {
    const path = newPath();
    mkdirSync(path);
    await expectRefused(path, "cannot be opened");
    await expect(sqliteLog({ path: join(newPath(), "deeper", "streams.db") })).rejects.toMatchObject({
      code: "ERR_LOG",
      message: expect.stringContaining("ENOENT") as string,
    });
  });

  test.each([["", ":memory:", new URL("https://host/a.db"), 5, undefined]].flat().map((path) => [path]))(
    "%j is no path",
    async (path) => {
      await expect(sqliteLog({ path: path as string })).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    },
  );
});

describe("one process at a time", () => {
  test("a log that is open is not opened again, by whatever name", async () => {
    const path = newPath();
    const log = await sqliteLog({ path });
    await append(log, "s", "a");
    const link = join(newFolder(), "link.db");
    symlinkSync(path, link);
    for (const name of [path, link, join(path, "..", ".", "streams.db")]) {
      await expect(sqliteLog({ path: name })).rejects.toMatchObject({
        code: "ERR_LOG",
        message: expect.stringContaining("is open already, here or in another process") as string,
      });
    }
    await append(log, "s", "b");
    await log.close();
    const again = await sqliteLog({ path: link });
    expect(await read(again, "s")).toEqual(["a", "b"]);
    await again.close();
  });

  test("nor one that another process has, until that ends, however it does", async () => {
    const path = newPath();
    await using other = new LogProcess(path);
    expect(await other.says()).toBe("open");
    expect(await other.append("its")).toBe("appended");
    await expect(sqliteLog({ path })).rejects.toMatchObject({ code: "ERR_LOG" });
    expect(await other.append("too")).toBe("appended");
    await other[Symbol.asyncDispose]();
    const log = await sqliteLog({ path });
    expect(await read(log, "s")).toEqual(["its", "too"]);
    await log.close();
  });

  test("others may read the file while it is open", async () => {
    const path = newPath();
    const log = await sqliteLog({ path });
    await append(log, "s", "text", "ü\0", "\ufffd");
    await log.append("s", { messages: [Uint8Array.of(255, 0, 1)] });
    const other = new DatabaseSync(path, { readOnly: true });
    const rows = (): unknown[] =>
      other
        .prepare(
          "SELECT typeof(body) AS type, CAST(body AS BLOB) AS bytes FROM messages JOIN streams USING (stream) WHERE name = 's' ORDER BY end",
        )
        .all()
        .map((row) => [row["type"], Buffer.from(row["bytes"] as Uint8Array).toString("hex")]);
    const wanted = [
      ["text", Buffer.from("text").toString("hex")],
      ["text", "c3bc00"],
      ["text", "efbfbd"],
      ["blob", "ff0001"],
    ];
    expect(rows()).toEqual(wanted);
    await append(log, "s", "more");
    expect(rows()).toHaveLength(5);
    other.close();
    await log.close();
  });

  test("while another program writes the file, appends wait", async () => {
    const path = newPath();
    const log = await sqliteLog({ path });
    await append(log, "s", "a");
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    let isDone = false;
    const waiting = Promise.all(["b", "c", "d"].map((text) => append(log, "s", text))).then(() => (isDone = true));
    expect(await read(log, "s")).toEqual(["a"]);
    expect(isDone).toBe(false);
    other.exec("ROLLBACK");
    await waiting;
    // For so long, and no longer: once for all who wait.
    other.exec("BEGIN IMMEDIATE");
    const late = await Promise.allSettled(["e", "f", "g"].map((text) => append(log, "s", text)));
    for (const result of late)
      expect(result).toMatchObject({
        reason: { code: "ERR_LOG", message: expect.stringContaining("is in use by another program") as string },
      });
    other.exec("COMMIT");
    await append(log, "s", "h");
    expect((await read(log, "s")).toSorted()).toEqual(["a", "b", "c", "d", "h"]);
    other.close();
    await log.close();
  });

  test("what somebody changes by hand meanwhile is seen", async () => {
    const path = newPath();
    const log = await sqliteLog({ path });
    await append(log, "s", "abc");
    const other = new DatabaseSync(path);
    other.exec("UPDATE streams SET closed = 1");
    const refused = await log.append("s", { messages: [encoder.encode("d")] });
    expect(refused.status).toBe("closed");
    other.close();
    await log.close();
  });
});

describe("what may not be written", () => {
  /** The process of somebody with no rights to it tries to open a log. */
  async function refusedFor(path: string): Promise<unknown> {
    await using other = new LogProcess(path, NOBODY);
    return await other.says();
  }

  test("a folder, a file, and files beside it", async (context) => {
    if (process.getuid?.() !== 0) return skip(context, "only root can be somebody else");
    chmodSync(folder.path, 0o755);
    const path = newPath();
    const parent = join(path, "..");
    chmodSync(parent, 0o555);
    const wanted = (words: string): unknown => ({ code: "ERR_LOG", message: expect.stringContaining(words) as string });
    expect(await refusedFor(path)).toEqual(wanted("cannot be opened or written in its folder"));
    expect(readdirSync(parent)).toEqual([]);
    const log = await sqliteLog({ path });
    await append(log, "s", "kept");
    await log.close();
    rmSync(`${path}-lock`);
    chmodSync(path, 0o666);
    const before = contentsOf(parent);
    expect(await refusedFor(path)).toEqual(wanted("cannot be opened or written in its folder"));
    expect(contentsOf(parent)).toEqual(before);
    // Its folder may be written, the file not.
    chownSync(parent, NOBODY, NOBODY);
    chmodSync(parent, 0o755);
    chmodSync(path, 0o444);
    expect(await refusedFor(path)).toEqual(wanted("cannot be opened (EACCES"));
    expect(readFileSync(path, "base64")).toBe(before["streams.db"]);
    chmodSync(path, 0o666);
    await using other = new LogProcess(path, NOBODY);
    expect([await other.says(), await other.append("more")]).toEqual(["open", "appended"]);
    await other[Symbol.asyncDispose]();
    const again = await sqliteLog({ path });
    expect(await read(again, "s")).toEqual(["kept", "more"]);
    await again.close();
  });
});

describe("damage", () => {
  const COUNT = 60;
  const text = (index: number): string => `${index} ${"x".repeat((index * 37) % 700)}`;

  /** A log as a process leaves it that is killed: with its write-ahead log. */
  async function makeLeft(): Promise<string> {
    const path = newPath();
    const log = await sqliteLog({ path });
    for (let index = 0; index < COUNT; index++) await append(log, "s", text(index));
    const left = newPath();
    for (const end of ["", "-wal"]) copyFileSync(path + end, left + end);
    await log.close();
    return left;
  }

  /** What is left of it can be used: a beginning of what there was, and what comes now. */
  async function expectBeginning(path: string): Promise<number> {
    const log = await sqliteLog({ path });
    const texts = await read(log, "s");
    if (texts[0] === "missing") texts.length = 0;
    expect(texts).toEqual(Array.from({ length: texts.length }, (_, index) => text(index)));
    await append(log, "s", "new");
    await log.close();
    const again = await sqliteLog({ path });
    expect(await read(again, "s")).toEqual([...texts, "new"]);
    await again.close();
    return texts.length;
  }

  test("a write-ahead log that was torn is read as far as it is whole", { timeout: 120_000 }, async () => {
    const left = await makeLeft();
    const size = statSync(`${left}-wal`).size;
    const FRAME = 24 + 4096;
    const random = seededRandom(7);
    const sizes = [
      0,
      1,
      31,
      32,
      33,
      32 + 24,
      32 + FRAME - 1,
      32 + FRAME,
      size - 1,
      size - FRAME,
      size - FRAME - 1,
      size - 4000,
      size,
    ];
    for (let count = scaled(3, 100); count > 0; count--) sizes.push(Math.floor(random() * size));
    const kept: number[] = [];
    for (const cut of sizes.toSorted((a, b) => a - b)) {
      const path = newPath();
      for (const end of ["", "-wal"]) copyFileSync(left + end, path + end);
      truncateSync(`${path}-wal`, cut);
      kept.push(await expectBeginning(path));
    }
    // More of the file is never less of the log.
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    expect([kept[0], kept.at(-1)]).toEqual([0, COUNT]);
    ran(`${sizes.length} cuts, of which ${new Set(kept).size} left another length`);
  });

  test("noise in a write-ahead log ends it there", { timeout: 120_000 }, async () => {
    const left = await makeLeft();
    const bytes = readFileSync(`${left}-wal`);
    const random = seededRandom(8);
    for (let count = scaled(3, 100); count > 0; count--) {
      const path = newPath();
      copyFileSync(left, path);
      const changed = Buffer.from(bytes);
      const at = Math.floor(random() * (bytes.length - 8));
      changed.fill(0xa5, at, at + 8);
      writeFileSync(`${path}-wal`, changed);
      expect(await expectBeginning(path)).toBeLessThanOrEqual(COUNT);
    }
  });

  test("a write-ahead log without its file is not thrown away", async () => {
    const left = await makeLeft();
    rmSync(left);
    await expectRefused(left, "is damaged");
    writeFileSync(left, "");
    await expectRefused(left, "is damaged");
  });

  /** A log in one file, with streams of small messages. */
  async function makeClosed(): Promise<string> {
    const path = newPath();
    const log = await sqliteLog({ path });
    for (let index = 0; index < COUNT; index++) {
      await append(log, `s${index % 5}`, text(index), `${index}`);
      await log
        .append(`s${index % 5}`, { messages: [], producer: { id: `p${index}`, epoch: 0, seq: 0 } })
        .catch(() => {});
    }
    await log.close();
    return path;
  }

  test("a file that was cut off is not opened", async () => {
    const whole = await makeClosed();
    const { size } = statSync(whole);
    for (const cut of [1, 99, 100, 511, 512, 4095, 4096, 4097, 8192, size - 4096, size - 1]) {
      const path = newPath();
      copyFileSync(whole, path);
      truncateSync(path, cut);
      await expectRefused(path, /is damaged|is no SQLite database/u);
    }
  });

  test.each([
    ["zeros", 0],
    ["noise", 0xa5],
  ])("a page of %s: each call gives what was written, or ERR_LOG", { timeout: 120_000 }, async (_what, byte) => {
    const whole = await makeClosed();
    const bytes = readFileSync(whole);
    const names = ["s0", "s1", "s2", "s3", "s4"];
    const wanted = new Map<string, string[]>();
    const log = await sqliteLog({ path: whole });
    for (const name of names) wanted.set(name, await read(log, name));
    await log.close();
    let refused = 0;
    let given = 0;
    for (let page = 0; page * 4096 < bytes.length; page += scaled(2, 1)) {
      const path = newPath();
      const changed = Buffer.from(bytes);
      changed.fill(byte, page * 4096, (page + 1) * 4096);
      writeFileSync(path, changed);
      const calls: ((log: EventLog) => Promise<void>)[] = names.flatMap((name) => [
        async (opened) => expect(await read(opened, name)).toEqual(wanted.get(name)),
        async (opened) => void (await opened.list("")),
        async (opened) => void (await opened.append(name, { messages: [encoder.encode("more")] })),
      ]);
      try {
        const opened = await sqliteLog({ path });
        for (const call of calls) {
          try {
            await call(opened);
            given++;
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_LOG", message: expect.stringContaining("is damaged") as string });
            refused++;
          }
        }
        await opened.close();
      } catch (error) {
        expect(error).toMatchObject({
          code: "ERR_LOG",
          message: expect.stringMatching(/is damaged|is no SQLite database|of another program/u) as string,
        });
        refused++;
      }
    }
    ran(
      `${Math.ceil(bytes.length / 4096 / scaled(2, 1))} of ${bytes.length / 4096} pages, each with ${byte}: ${refused} calls refused, ${given} answered`,
    );
    expect(refused).toBeGreaterThan(0);
    expect(given).toBeGreaterThan(0);
  });
});
