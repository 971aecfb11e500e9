import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "sluice";
import { sqliteLog } from "sluice/logs/sqlite";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { LogProcess } from "./support/log-process.ts";
import { skip } from "./support/scale.ts";
import { SmallDisk, detachDisks, runTool } from "./support/small-disk.ts";

const MIB = 2 ** 20;
const DISK_BYTES = 16 * MIB;
const BODY_BYTES = 10_000;
const FULL = {
  code: "ERR_LOG",
  cause: { code: "ENOSPC" },
  message: expect.stringContaining("has no more room") as string,
};
const folder = temporaryFolder();
afterAll(detachDisks);

function testOnDisk(title: string, run: (disk: SmallDisk) => Promise<void>): void {
  test(title, { timeout: 60_000 }, async (context) => {
    const mounted = SmallDisk.mount(folder.path, DISK_BYTES);
    if (typeof mounted === "string") return skip(context, mounted);
    await using disk = mounted;
    await run(disk);
  });
}

/** What an append of a number has: enough to fill a disk with. */
function bodyOf(index: number): Uint8Array {
  return Buffer.from(`${index};`.padEnd(BODY_BYTES, "x"));
}

async function open(disk: SmallDisk): Promise<EventLog & AsyncDisposable> {
  const log = await sqliteLog({ path: join(disk.path, "streams.db") });
  return Object.assign(log, { [Symbol.asyncDispose]: () => log.close() });
}

async function make(log: EventLog, name = "s"): Promise<void> {
  const { status } = await log.create(name, { config: { contentType: "text/plain" }, messages: [], closed: false });
  expect(["created", "exists"]).toContain(status);
}

async function append(log: EventLog, index: number, name = "s"): Promise<void> {
  const { status } = await log.append(name, { messages: [bodyOf(index)] });
  expect(status).toBe("appended");
}

/** Appends numbers until it is refused; gives the first that was. */
async function appendUntilFull(log: EventLog, from: number): Promise<number> {
  for (let index = from; ; index++) {
    try {
      await append(log, index);
    } catch (error) {
      expect(error).toMatchObject(FULL);
      return index;
    }
  }
}

/** The numbers of all messages, which must be whole. */
async function numbersIn(log: EventLog, name = "s"): Promise<number[]> {
  const numbers: number[] = [];
  for (let at = 0; ;) {
    const result = await log.read(name, at, { maxBytes: MIB });
    if (result.status !== "page") throw new Error(result.status);
    const { messages, next, info } = result.page;
    for (const message of messages) {
      const number = Number.parseInt(Buffer.from(message.subarray(0, 20)).toString(), 10);
      expect(Buffer.compare(message, bodyOf(number))).toBe(0);
      numbers.push(number);
    }
    if (next === info.next) return numbers;
    at = next;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

testOnDisk(
  "an append that finds no room is refused, and changes nothing; later ones succeed once there is",
  async (disk) => {
    const wanted: number[] = [];
    {
      await using log = await open(disk);
      await make(log);
      const refused = await appendUntilFull(log, 0);
      expect(refused).toBeGreaterThan(100);
      wanted.push(...upTo(refused));
      for (let count = 0; count < 3; count++) await expect(append(log, refused)).rejects.toMatchObject(FULL);
      expect(await numbersIn(log)).toEqual(wanted);
      expect(await log.info("s")).toMatchObject({ info: { next: refused * BODY_BYTES } });
    }
    // It can be closed, and opened again, on a disk that is full but for what closing has freed.
    {
      await using log = await open(disk);
      expect(await numbersIn(log)).toEqual(wanted);
      const refused = await appendUntilFull(log, wanted.length);
      wanted.push(...upTo(refused).slice(wanted.length));
      // What is deleted makes room by itself, where there is enough to delete it with.
      disk.fill();
      await expect(append(log, refused)).rejects.toMatchObject(FULL);
    }
    disk.empty();
    await using log = await open(disk);
    expect(await numbersIn(log)).toEqual(wanted);
  },
);

testOnDisk("once there is room, everything goes on by itself", async (disk) => {
  await using log = await open(disk);
  await make(log);
  await make(log, "other");
  for (let index = 0; index < 100; index++) await append(log, index);
  disk.fill();
  const refused = await appendUntilFull(log, 100);
  const producer = { id: "p", epoch: 0, seq: 0 };
  const lease = (): Promise<unknown> => log.acquireLease("s", "me", 1000);
  for (let count = 0; count < 2; count++) {
    await expect(log.append("other", { messages: [bodyOf(0)], producer })).rejects.toMatchObject(FULL);
    await expect(log.append("other", { messages: [bodyOf(0)], close: true })).rejects.toMatchObject(FULL);
    await expect(make(log, "new")).rejects.toMatchObject(FULL);
  }
  expect([await log.list(""), await numbersIn(log)]).toEqual([["other", "s"], upTo(refused)]);
  disk.empty();
  expect((await log.append("other", { messages: [bodyOf(0)], producer, close: true })).status).toBe("appended");
  expect(await lease()).toMatchObject({ holder: "me" });
  for (let index = refused; index < refused + 100; index++) await append(log, index);
  expect(await numbersIn(log)).toEqual(upTo(refused + 100));
  expect(await numbersIn(log, "other")).toEqual([0]);
});

testOnDisk("of many appends at once, those that fit are taken, and the others refused", async (disk) => {
  const taken: number[] = [];
  {
    await using log = await open(disk);
    await make(log);
    for (let from = 0; ; from += 64) {
      const results = await Promise.allSettled(Array.from({ length: 64 }, (_, index) => append(log, from + index)));
      for (const [index, result] of results.entries()) {
        if (result.status === "fulfilled") taken.push(from + index);
        else expect(result.reason).toMatchObject(FULL);
      }
      if (results.some(({ status }) => status === "rejected")) break;
    }
    expect((await numbersIn(log)).toSorted((a, b) => a - b)).toEqual(taken);
  }
  await using log = await open(disk);
  expect((await numbersIn(log)).toSorted((a, b) => a - b)).toEqual(taken);
});

testOnDisk("what is deleted and trimmed is room for others, again and again", async (disk) => {
  await using log = await open(disk);
  // Ten times what the disk has.
  for (let round = 0; round < 10; round++) {
    await make(log, `s${round}`);
    await make(log, "kept");
    for (let index = 0; index < 800; index += 20) {
      const messages = Array.from({ length: 20 }, (_, more) => bodyOf(index + more));
      expect((await log.append(`s${round}`, { messages })).status).toBe("appended");
      await append(log, index, "kept");
      await log.trim("kept", { maxMessages: 10 });
    }
    expect(await numbersIn(log, `s${round}`)).toEqual(upTo(800));
    await log.delete(`s${round}`);
  }
});

testOnDisk("a log is not opened on a disk that is full, and is once there is room", async (disk) => {
  {
    await using log = await open(disk);
    await make(log);
    await append(log, 0);
  }
  disk.fill();
  await expect(open(disk)).rejects.toMatchObject({ code: "ERR_LOG" });
  disk.empty();
  await using log = await open(disk);
  expect(await numbersIn(log)).toEqual([0]);
});

testOnDisk("nor made there: what is left of it is no hindrance", async (disk) => {
  for (const leaveBytes of [0, 4096, 8192, 16_384, 40_960]) {
    disk.fill(leaveBytes);
    await expect(open(disk)).rejects.toMatchObject({ code: "ERR_LOG" });
    disk.empty();
  }
  await using log = await open(disk);
  await make(log);
  await append(log, 0);
  expect(readdirSync(disk.path).toSorted()).toEqual(
    ["streams.db", "streams.db-lock", "streams.db-shm", "streams.db-wal"].toSorted(),
  );
});

test(
  "a file that may not become larger (EFBIG) refuses appends, until it may",
  { timeout: 60_000 },
  async (context) => {
    const path = join(mkdtempSync(join(folder.path, "log-")), "streams.db");
    await using child = new LogProcess(path);
    expect(await child.says()).toBe("open");
    expect(await child.append("before")).toBe("appended");
    // The soft limit, which can be raised again.
    const limit = (bytes: number | "unlimited"): string | undefined =>
      runTool("prlimit", "--pid", String(child.child.pid), `--fsize=${bytes}:`);
    const refused = limit(200_000);
    if (refused !== undefined) return skip(context, `no process could be limited: ${refused}`);
    let taken = 0;
    let answer: unknown;
    while ((answer = await child.append("x".repeat(5000))) === "appended") taken++;
    expect(answer).toMatchObject({ code: "ERR_LOG" });
    expect(await child.append("x".repeat(5000))).toMatchObject({ code: "ERR_LOG" });
    limit("unlimited");
    expect(await child.append("after")).toBe("appended");
    child.kill();
    await child[Symbol.asyncDispose]();
    const log = await sqliteLog({ path });
    const result = await log.read("s", 0, { maxBytes: MIB });
    expect(result.status === "page" && result.page.next).toBe(6 + taken * 5000 + 5);
    await log.close();
  },
);
