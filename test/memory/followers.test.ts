import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Child, MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { until } from "../faults/support/deadline.ts";
import { ran } from "../faults/support/scale.ts";
import { Follower } from "./follower.ts";

/** Each has a descriptor in this process, and one in the server's; some more are needed for anything else. */
const OTHER_DESCRIPTORS = 500;
const FOLLOWERS = Math.min(10_000, mostDescriptors() - OTHER_DESCRIPTORS);
const APPENDS = 8;
const APPENDED_BYTES = 2000;
/**
 * What Node holds of a connection and its request, and a body that sleeps: 8 KiB were measured. A block of its own, of the least
 * size, would be 4 KiB more.
 */
const MOST_HELD_BYTES = 10 * 1024;
/** RSS moves by whole pages: 16 KiB were measured. A chunk of its own would be 16 KiB more. */
const MOST_RSS_BYTES = 24 * 1024;
/** For all of them to be told something, on a busy machine. */
const DEADLINE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "sluice-followers-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a process here: Node allows itself what the system does (proc(5)). */
function mostDescriptors(): number {
  const [, most] = /^Max open files\s+(\S+)/mu.exec(readFileSync("/proc/self/limits", "utf8"))!;
  return most === "unlimited" ? Infinity : Number(most);
}

/** A file that grows, its server, and those who follow it. */
class Rig implements AsyncDisposable {
  readonly path: string;
  readonly marker: string;
  readonly child: Child;
  readonly followers: Follower[] = [];
  #content = Buffer.alloc(0);

  private constructor(child: Child, path: string, marker: string) {
    this.child = child;
    this.path = path;
    this.marker = marker;
  }

  static async start(): Promise<Rig> {
    const place = mkdtempSync(join(folder, "followed-"));
    const path = join(place, "app.log");
    const marker = join(place, "app.log.done");
    writeFileSync(path, "");
    const child = await startChild(new URL("./servers/followed-file.ts", import.meta.url), {
      argument: { path, until: marker },
      ...MEASURED_MEMORY,
    });
    const rig = new Rig(child, path, marker);
    rig.append("begun\n");
    // What is made once is there: the code is compiled, the threads run.
    const first = await rig.open(100);
    await until(() => first.every(({ byteLength }) => byteLength === rig.#content.byteLength), "what there is");
    for (const follower of first) follower.leave();
    await until(async () => (await child.ask("active")) === 0 && rig.descriptors === 0, "the end of the first");
    return rig;
  }

  async follow(): Promise<void> {
    while (this.followers.length < FOLLOWERS) {
      this.followers.push(...(await this.open(Math.min(200, FOLLOWERS - this.followers.length))));
    }
    await this.allHaveIt();
  }

  open(count: number): Promise<Follower[]> {
    return Promise.all(Array.from({ length: count }, () => Follower.open(this.child.port, () => this.#content)));
  }

  append(text: string): void {
    this.#content = Buffer.concat([this.#content, Buffer.from(text)]);
    appendFileSync(this.path, text);
  }

  async allHaveIt(): Promise<void> {
    const { byteLength } = this.#content;
    await until(() => this.followers.every((each) => each.byteLength === byteLength), "all bytes at all", DEADLINE_MS);
  }

  /** Waits for the end of all. @returns how they ended */
  async allEnd(): Promise<Record<string, number>> {
    await until(() => this.followers.every(({ ended }) => ended), "the end of all", DEADLINE_MS);
    const byEnd = Object.groupBy(this.followers, ({ ended }) => ended!);
    return Object.fromEntries(Object.entries(byEnd).map(([end, those]) => [end, those.length]));
  }

  /** Of the server, that lead to the file. */
  get descriptors(): number {
    return this.#list("fd").filter((link) => link === this.path).length;
  }

  /** What the server has asked the kernel to watch. */
  get kernelWatches(): number {
    return this.#list("fdinfo").reduce((sum, info) => sum + (info.match(/^inotify wd:/gmu)?.length ?? 0), 0);
  }

  /** Bytes that the server has read so far, of whatever is not a socket's. */
  get readBytes(): number {
    return Number(/^rchar: (\d+)$/mu.exec(readFileSync(`/proc/${this.child.process.pid}/io`, "utf8"))![1]);
  }

  #list(what: "fd" | "fdinfo"): string[] {
    const place = `/proc/${this.child.process.pid}/${what}`;
    return readdirSync(place).flatMap((name) => {
      try {
        return what === "fd" ? readlinkSync(join(place, name)) : readFileSync(join(place, name), "utf8");
      } catch {
        // It was closed meanwhile.
        return [];
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.followers) follower.leave();
    await this.child[Symbol.asyncDispose]();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

test(`${FOLLOWERS} followers share one watcher, one descriptor and one read`, { timeout: 240_000 }, async () => {
  if (FOLLOWERS < 10_000) console.log(`${FOLLOWERS} followers: a process may have ${mostDescriptors()} descriptors`);
  await using rig = await Rig.start();
  const { child } = rig;
  const held = ({ heapBytes, externalBytes }: Memory): number => heapBytes + externalBytes;
  const before = await child.ask<Memory>("memory");
  const openedAt = performance.now();
  await rig.follow();
  const openMs = performance.now() - openedAt;
  expect(await child.ask("active")).toBe(FOLLOWERS);

  const readBefore = rig.readBytes;
  const delays: number[] = [];
  for (let count = 0; count < APPENDS; count++) {
    const appendedAt = performance.now();
    rig.append(`line ${count} `.padEnd(APPENDED_BYTES - 1, "x").concat("\n"));
    await rig.allHaveIt();
    delays.push(performance.now() - appendedAt);
  }
  const readBytes = rig.readBytes - readBefore;
  expect(readBytes).toBeGreaterThanOrEqual(APPENDS * APPENDED_BYTES);
  // The rest is what wakes the event loop. A second one who reads for himself would be seen.
  expect(readBytes).toBeLessThan(1.5 * APPENDS * APPENDED_BYTES);
  expect([rig.descriptors, rig.kernelWatches]).toEqual([1, 1]);
  // The kernel has one watch for all watchers of a file.
  const resources = await child.ask<string[]>("resources");
  expect(resources.filter((name) => name === "FSEventWrap")).toHaveLength(1);

  const during = await child.ask<Memory>("memory");
  const heldBytes = (held(during) - held(before)) / FOLLOWERS;
  const rssBytes = (during.rssBytes - before.rssBytes) / FOLLOWERS;
  const endedAt = performance.now();
  writeFileSync(rig.marker, "");
  expect(await rig.allEnd()).toEqual({ whole: FOLLOWERS });
  await rig.allHaveIt();
  ran(
    `${FOLLOWERS} followers came in ${seconds(openMs)}, and had ${APPENDED_BYTES} bytes more after ` +
      `${seconds(Math.min(...delays))} to ${seconds(Math.max(...delays))}, of which ${kib(readBytes / APPENDS)} were read; ` +
      `each holds ${kib(heldBytes)}, RSS ${kib(rssBytes)}; ended in ${seconds(performance.now() - endedAt)}`,
  );
  expect(heldBytes).toBeLessThan(MOST_HELD_BYTES);
  expect(rssBytes).toBeLessThan(MOST_RSS_BYTES);
  await until(() => rig.descriptors === 0 && rig.kernelWatches === 0, "closing the file");
});

test(`${FOLLOWERS} followers see that their file was rotated`, { timeout: 240_000 }, async () => {
  await using rig = await Rig.start();
  await rig.follow();
  // Appended and rotated at once: it comes before the end.
  rig.append("the last line\n");
  const rotatedAt = performance.now();
  renameSync(rig.path, `${rig.path}.1`);
  writeFileSync(rig.path, "another file\n");
  expect(await rig.allEnd()).toEqual({ broken: FOLLOWERS });
  await rig.allHaveIt();
  ran(`${FOLLOWERS} followers of a file that was rotated were told in ${seconds(performance.now() - rotatedAt)}`);
  await until(() => rig.descriptors === 0 && rig.kernelWatches === 0, "closing the file");
});
