import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { readFileSync } from "node:fs";
import { DownloadError } from "../../client/download-error.ts";

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  /** When the process began, as the kernel counts it; "" where it does not say. It tells a process from a later one by its number. */
  readonly startedAt: string;
  readonly host: string;
  /** No two locks have the same. */
  readonly token: string;
}

/** Tokens of the locks of this very process: it lives, but that alone does not make a lock its own. */
const ours = new Set<string>();

/**
 * A file that is there while a process works on what it stands for. It comes into being whole, with its holder in it (a
 * link to a file that was written before), so nobody ever reads half of one. That of a dead process is taken over.
 */
export class LockFile {
  readonly #path: string;
  readonly #token: string;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
  }

  /** @throws DownloadError when a living process holds it, or one on another machine may */
  static async acquire(path: string): Promise<LockFile> {
    const holder = describeSelf();
    const written = `${path}.${holder.token}`;
    await writeFile(written, JSON.stringify(holder), { flag: "wx", mode: 0o644 });
    ours.add(holder.token);
    try {
      while (!(await tryLink(written, path))) {
        const other = await readHolder(path);
        if (other === "gone") continue;
        if (other === undefined || isAlive(other)) throw new DownloadError(describeConflict(path, other));
        if (await takeOver(path, other, written)) break;
      }
    } catch (error) {
      ours.delete(holder.token);
      throw error;
    } finally {
      await rm(written, { force: true });
    }
    return new LockFile(path, holder.token);
  }

  async release(): Promise<void> {
    const holder = await readHolder(this.#path);
    if (typeof holder === "object" && holder.token === this.#token) await rm(this.#path, { force: true });
    ours.delete(this.#token);
  }
}

/**
 * Replaces a dead process's lock. Two who have read the same one must not both do so: who does holds a lock on that very
 * lock, and looks again under it. That one may be left by the dead in turn.
 *
 * @param dead - as it was read some time ago
 * @param written - the file that takes its place
 * @returns whether it did
 */
export async function takeOver(path: string, dead: Holder, written: string): Promise<boolean> {
  const permit = await LockFile.acquire(`${path}.${dead.token.slice(0, 8)}`);
  try {
    const holder = await readHolder(path);
    if (typeof holder !== "object" || holder.token !== dead.token) return false;
    await rename(written, path);
    return true;
  } finally {
    await permit.release();
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
  }
  // A file system without links: the lock is empty for a moment, which counts as held.
  try {
    await writeFile(to, await readFile(from), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** @returns undefined for one that says nothing */
async function readHolder(path: string): Promise<Holder | "gone" | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    throw error;
  }
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.pid === "number" && typeof holder.token === "string" ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function describeSelf(): Holder {
  return { pid: process.pid, startedAt: startOf(process.pid), host: hostname(), token: randomUUID() };
}

function isAlive({ pid, startedAt, host, token }: Holder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return ours.has(token);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is somebody else's, and it is there.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return startedAt === startOf(pid);
}

/** Field 22 of `/proc/<pid>/stat` (proc(5)); its second field is a name, which may hold anything but is in parentheses. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function describeConflict(path: string, holder: Holder | undefined): string {
  if (holder === undefined) return `Another process may be getting this file: if none is, remove ${path}`;
  if (holder.host === hostname()) return `Process ${holder.pid} is getting this file already (${path})`;
  return `Process ${holder.pid} on ${holder.host} is getting this file already: if it is not, remove ${path}`;
}
