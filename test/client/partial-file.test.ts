import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { FileWriter } from "../../src/cli/get/file-writer.ts";
import { type Holder, LockFile, takeOver } from "../../src/cli/get/lock-file.ts";
import { encodeState } from "../../src/cli/get/partial-state.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { CONTENT, FaultServer, get, inside, lockOf, partOf, sound, stateOf } from "./support.ts";

const folder = temporaryFolder();
let count = 0;
const fresh = (): string => inside(folder.path, `file-${count++}`);
const holder = (pid: number, more: object = {}): string =>
  JSON.stringify({ pid, startedAt: "1", host: hostname(), token: "11111111-dead", ...more });

test("a file that is there is left alone, unless it is to be replaced", async () => {
  await using server = await FaultServer.start(sound());
  const path = fresh();
  writeFileSync(path, "precious");
  expect((await get(server.url, path)).failure).toContain("is there already");
  expect([readFileSync(path, "utf8"), server.requests.length, existsSync(lockOf(path))]).toEqual([
    "precious",
    0,
    false,
  ]);
  expect((await get(server.url, path, { file: { replace: true } })).failure).toBeUndefined();
  expect(readFileSync(path).equals(CONTENT)).toBe(true);
});

test("a file that comes there meanwhile is not replaced, and the bytes are kept", async () => {
  const path = fresh();
  await using server = await FaultServer.start((socket, request) => {
    writeFileSync(path, "precious");
    sound()(socket, request);
  });
  expect((await get(server.url, path)).failure).toContain("has come there meanwhile");
  expect(readFileSync(path, "utf8")).toBe("precious");
  expect(readFileSync(partOf(path)).equals(CONTENT)).toBe(true);
});

test("somebody else's .part, a directory, and a link are left alone", async () => {
  await using server = await FaultServer.start(sound());
  const [foreign, directory, linked] = [fresh(), fresh(), fresh()];
  writeFileSync(partOf(foreign), "of a browser");
  expect((await get(server.url, foreign)).failure).toContain("not from here");
  expect(readFileSync(partOf(foreign), "utf8")).toBe("of a browser");
  mkdirSync(directory);
  expect((await get(server.url, directory, { file: { replace: true } })).failure).toContain("is a directory");
  symlinkSync(foreign, partOf(linked));
  expect((await get(server.url, linked)).failure).toContain("ELOOP");
});

test("what is there of another URL, or longer than it can be, is of no use", async () => {
  await using server = await FaultServer.start(sound());
  const state = (url: string): string =>
    encodeState({
      url,
      representation: { validator: { field: "etag", value: '"a"' }, completeLength: 50_000, digests: new Map() },
      isVerified: false,
    });
  const [other, long, broken] = [fresh(), fresh(), fresh()];
  writeFileSync(partOf(other), "xxx");
  writeFileSync(stateOf(other), state("http://localhost/other"));
  writeFileSync(partOf(long), Buffer.alloc(50_001));
  writeFileSync(stateOf(long), state(`${server.url}/`));
  writeFileSync(partOf(broken), "xxx");
  writeFileSync(stateOf(broken), "{");
  for (const path of [other, long, broken]) {
    expect((await get(server.url, path)).failure).toBeUndefined();
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  }
  expect(server.requests.map(({ from }) => from)).toEqual([undefined, undefined, undefined]);
});

test("a run that was killed when all was there, before or behind the new name, is ended by the next", async () => {
  await using server = await FaultServer.start(sound());
  const state = (isVerified: boolean): string =>
    encodeState({
      url: `${server.url}/`,
      representation: { validator: { field: "etag", value: '"a"' }, completeLength: 50_000, digests: new Map() },
      isVerified,
    });
  const [before, behind] = [fresh(), fresh()];
  writeFileSync(partOf(before), CONTENT);
  writeFileSync(stateOf(before), state(false));
  writeFileSync(behind, CONTENT);
  writeFileSync(stateOf(behind), state(true));
  for (const path of [before, behind]) {
    expect((await get(server.url, path)).failure).toBeUndefined();
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect([existsSync(partOf(path)), existsSync(stateOf(path))]).toEqual([false, false]);
  }
  expect(server.requests).toEqual([]);
});

test("the state holds no credentials, and is its owner's alone", async () => {
  await using server = await FaultServer.start(sound({ cutAt: 100 }));
  const path = fresh();
  await get(server.url.replace("//", "//user:secret@"), path, { retries: 0 });
  expect(readFileSync(stateOf(path), "utf8")).not.toContain("secret");
  expect(
    spawnSync("stat", ["-c", "%a", stateOf(path)])
      .stdout.toString()
      .trim(),
  ).toBe("600");
});

test("one of two at once is refused", async () => {
  const path = fresh();
  const lock = await LockFile.acquire(lockOf(path));
  await using server = await FaultServer.start(sound());
  expect((await get(server.url, path)).failure).toContain(`Process ${process.pid} is getting this file already`);
  await lock.release();
  expect((await get(server.url, path)).failure).toBeUndefined();
});

test("the lock of a dead process, and of one that has its number now, is taken over by exactly one", async () => {
  const dead = spawnSync("true").pid;
  for (let round = 0; round < 15; round++) {
    const path = lockOf(fresh());
    writeFileSync(path, holder([dead, process.pid, process.ppid][round % 3]!));
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, index) => {
        await delay(index % 3);
        return LockFile.acquire(path);
      }),
    );
    const locks = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(locks).toHaveLength(1);
    await locks[0]!.release();
    expect(readdirSync(folder.path).filter((name) => inside(folder.path, name).startsWith(path))).toEqual([]);
  }
});

test("who has read of a dead process, and comes after another who has too, does not take over from that one", async () => {
  const path = lockOf(fresh());
  const stale = JSON.parse(holder(dead())) as Holder;
  const lock = await LockFile.acquire(path);
  const content = readFileSync(path, "utf8");
  const mine = folder.write("mine", "mine");
  expect(await takeOver(path, stale, mine)).toBe(false);
  expect(readFileSync(path, "utf8")).toBe(content);
  await lock.release();
});

test("the lock of a living process, of another machine, and one that says nothing are respected", async () => {
  const path = lockOf(fresh());
  for (const content of [holder(dead(), { host: "elsewhere" }), ""]) {
    writeFileSync(path, content);
    await expect(LockFile.acquire(path)).rejects.toThrow(`remove ${path}`);
    expect(readFileSync(path, "utf8")).toBe(content);
  }
});

function dead(): number {
  return spawnSync("true").pid;
}

test("a write that is taken in part is continued, and a full disk said", async () => {
  const written: number[] = [];
  let room = 10;
  const handle = {
    writev(chunks: Uint8Array[], position: number) {
      expect(position).toBe(written.length);
      if (room === 0) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
      const taken = Buffer.concat(chunks).subarray(0, Math.min(3, room));
      room -= taken.byteLength;
      written.push(...taken);
      return Promise.resolve({ bytesWritten: taken.byteLength });
    },
  } as unknown as FileHandle;
  const writer = new FileWriter(handle, 0);
  void writer.write(Uint8Array.of(0, 1));
  void writer.write(Uint8Array.of(2, 3, 4, 5, 6, 7));
  await writer.flush();
  expect(written).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  void writer.write(Uint8Array.of(8, 9, 10, 11));
  await expect(writer.flush()).rejects.toThrow("full");
  await expect(writer.write(Uint8Array.of(12))).rejects.toThrow("full");
  expect(written).toHaveLength(10);
});
