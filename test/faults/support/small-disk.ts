/** A disk that a test can fill up. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  rmdirSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { until } from "./deadline.ts";

/** What a tmpfs gives and takes, in bytes. */
export const PAGE_BYTES = 4096;

/** How many files and folders there may be. */
const MOST_FILES = 100;

const mounted = new Set<string>();

export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly #filler: string;

  private constructor(path: string) {
    this.path = path;
    mounted.add(path);
    this.#filler = join(path, "filler");
  }

  /** @returns why there is none, where this process may not mount */
  static mount(folder: string, bytes: number): SmallDisk | string {
    const path = mkdtempSync(join(folder, "disk-"));
    const options = ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=${MOST_FILES}`];
    const refusal = runTool("mount", ...options, "tmpfs", path);
    if (refusal === undefined) return new SmallDisk(path);
    rmdirSync(path);
    return `no disk of its own could be mounted: ${refusal}`;
  }

  get freeBytes(): number {
    const { bfree, bsize } = statfsSync(this.path);
    return bfree * bsize;
  }

  /** Takes what there is, by a file of somebody else's. @param leaveBytes - of which so much is left, in whole pages */
  fill(leaveBytes = 0): void {
    const descriptor = openSync(this.#filler, "a");
    try {
      untilFull(() => writeSync(descriptor, Buffer.alloc(PAGE_BYTES)));
      ftruncateSync(descriptor, fstatSync(descriptor).size - leaveBytes);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Takes every file that there may still be. */
  fillWithFiles(): void {
    let count = 0;
    untilFull(() => closeSync(openSync(`${this.#filler}-${count++}`, "wx")));
  }

  /** Removes what it was filled with. */
  empty(): void {
    rmSync(this.#filler, { force: true });
    for (let count = 0; ; count++) {
      try {
        rmSync(`${this.#filler}-${count}`);
      } catch {
        return;
      }
    }
  }

  /** Waits until nothing of it is open any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await until(() => runTool("umount", this.path) === undefined, "closing all that is on the disk");
      mounted.delete(this.path);
    } finally {
      detachDisks();
    }
  }
}

/** Runs a program of the system's. @returns why it did not do it */
export function runTool(program: string, ...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** Takes away those that a test has left, whatever is open on them. */
export function detachDisks(): void {
  for (const path of mounted) runTool("umount", "-l", path);
  mounted.clear();
}

function untilFull(write: () => void): void {
  try {
    for (;;) write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
