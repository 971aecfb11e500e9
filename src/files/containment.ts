import { readlinkSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import type { OpenEntry } from "./open-entry.ts";

/** Names may be moved while they are resolved: then they are resolved once more. */
const ATTEMPTS = 2;

/** Says whether what was opened lies in a folder, wherever the path to it led. */
export class Containment {
  readonly #root: string;
  /** The folder's own real path: it may be a symbolic link that is set to the next release one day. */
  #realRoot: string | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** @param path - that the entry was opened by */
  async contains(entry: OpenEntry, path: string): Promise<boolean> {
    const realPath = pathOfDescriptor(entry.descriptor) ?? (await realPathByName(entry, path));
    if (realPath === undefined) return false;
    if (this.#realRoot !== undefined && isWithin(realPath, this.#realRoot)) return true;
    // While it is replaced there may be none.
    this.#realRoot = await realpath(this.#root).catch(() => undefined);
    return this.#realRoot !== undefined && isWithin(realPath, this.#realRoot);
  }
}

/** `/www/private.txt` is not within `/www/p`. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Linux knows the path that a descriptor was opened by in the end: nothing can change between the look and the reading. */
function pathOfDescriptor(descriptor: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/self/fd/${descriptor}`);
    return path.startsWith("/") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Elsewhere: the real path of the name, if by device and inode it is (still) what was opened. */
export async function realPathByName({ stats }: OpenEntry, path: string): Promise<string | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const realPath = await realpath(path);
      const { dev, ino } = await stat(realPath, { bigint: true });
      if (dev === stats.dev && ino === stats.ino) return realPath;
    } catch {
      // It is gone: perhaps something else takes its name.
    }
  }
  return undefined;
}
