import { readlinkSync, realpathSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { HttpError } from "../errors.ts";
import { type OpenEntry, openEntry } from "./open-entry.ts";

/** Names may be moved while they are resolved: then they are resolved once more. */
const ATTEMPTS = 2;

/** A folder out of which nothing leads. */
export class Root {
  readonly #path: string;
  readonly #allowsOutside: boolean;
  /** Whether its path goes by symbolic links, which may be set to another folder (the next release) at any time. */
  #hasLinks: boolean;

  /** @param path - absolute, of a folder that is there */
  constructor(path: string, allowsOutside: boolean) {
    this.#path = path;
    this.#allowsOutside = allowsOutside;
    this.#hasLinks = realpathSync(path) !== path;
  }

  /**
   * The folder's own path for one request: whatever is opened for it is opened below, and must lie below.
   *
   * @throws HttpError 404 where there is none at the moment
   */
  async resolve(): Promise<string> {
    if (this.#allowsOutside || !this.#hasLinks) return this.#path;
    return realpath(this.#path).catch((cause: unknown) => {
      throw new HttpError(404, undefined, { cause });
    });
  }

  /**
   * Opens what lies below.
   *
   * @param root - what `resolve` gave for this request
   * @throws HttpError as `openEntry`; 404 where it lies outside
   */
  async open(root: string, path: string): Promise<OpenEntry> {
    const entry = await openEntry(path, this.#allowsOutside ? "" : root);
    // What is at hand was found inside of this root within the last second, and has not been moved since.
    if (this.#allowsOutside || entry.bytes) return entry;
    const realPath = pathOfDescriptor(entry.descriptor) ?? (await realPathByName(entry, path));
    if (realPath !== undefined && isWithin(realPath, root)) return entry;
    // A folder may have been replaced by a symbolic link.
    const realRoot = await realpath(this.#path).catch(() => undefined);
    if (realRoot !== this.#path) this.#hasLinks = true;
    if (root === this.#path && realRoot !== undefined && realPath !== undefined && isWithin(realPath, realRoot)) {
      return entry;
    }
    entry.close();
    throw new HttpError(404);
  }
}

/** `/www/private.txt` is not within `/www/p`. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Linux knows the path that a descriptor was opened by in the end: nothing can change between the look and the reading. */
function pathOfDescriptor(descriptor: number): string | undefined {
  try {
    const path = readlinkSync(nameOfDescriptor(descriptor));
    return path.startsWith("/") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** A name for what is open: what is below it is below that, whatever has taken its place. Linux has such names. */
export function nameOfDescriptor(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
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
