import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const OWNER = "owner";
const OWNER_BYTES = 128;
/** Folders of this process. */
const taken = new Set<string>();

/**
 * Takes a folder for this process. One whose owner has gone without giving it back is taken over.
 *
 * @returns gives it back
 * @throws Error where another has it
 */
export function takeFolder(folder: string): () => void {
  const path = join(folder, OWNER);
  if (taken.has(folder)) throw new Error(`The spool ${folder} is open already`);
  const owner = readOwner(path);
  if (owner && owner.pid !== process.pid && isAlive(owner)) {
    throw new Error(`The spool ${folder} is in use by the process ${owner.pid}: each server needs a folder of its own`);
  }
  write(path, { pid: process.pid, started: startOf(process.pid) });
  taken.add(folder);
  return () => {
    taken.delete(folder);
    // It stays there: on a full disk there would be no room for the next one's.
    write(path, { pid: 0, started: null });
  };
}

/** In place, and always as long: that takes no room on a disk that is full. */
function write(path: string, owner: Owner): void {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    writeSync(file, JSON.stringify(owner).padEnd(OWNER_BYTES), 0);
  } finally {
    closeSync(file);
  }
}

interface Owner {
  readonly pid: number;
  /** When the process began, where the system tells: its number may be another's by now. */
  readonly started: string | null;
}

function readOwner(path: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, "utf8")) as Owner;
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It is another user's.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === startOf(pid);
}

/** Of `/proc/PID/stat` (proc(5)): the name in field 2 may have anything in it, but no `)` behind its own. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    // One that has ended, and that nobody has asked how.
    return state === "Z" || state === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
