import { type BigIntStats, close, closeSync, constants, fstatSync, open } from "node:fs";
import { report } from "../core/report.ts";
import { HttpError } from "../errors.ts";
import { findSmallFile } from "./small-files.ts";

const RETRY_AFTER_SECONDS = "2";

const STATUS_OF: Readonly<Record<string, number>> = {
  ENOENT: 404,
  ENOTDIR: 404,
  EISDIR: 404,
  ENAMETOOLONG: 404,
  ELOOP: 404,
  ENXIO: 404,
  ENODEV: 404,
  // A path with NUL in it: there can be no such file.
  ERR_INVALID_ARG_VALUE: 404,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
  EAGAIN: 503,
};

/**
 * Closing a file that was deleted frees its blocks, which takes long where it is large: not on the main thread. One that was
 * there a moment ago is not deleted yet. In bytes, and ms.
 */
const MAX_CLOSED_AT_ONCE = 1024 * 1024;
const JUST_OPENED_MS = 100;

/** What a path led to, open: what is asked of it from here on does not depend on what the path stands for by then. */
export class OpenEntry {
  /** Not where there are `bytes`. */
  readonly descriptor: number;
  /** As it was when it was opened. */
  readonly stats: BigIntStats;
  readonly path: string;
  /** Under which a small file is kept when it has been read. */
  readonly key: string;
  /** All of it, of a small file that was read a moment ago and has not changed since. */
  readonly bytes: Uint8Array | undefined;
  readonly #openedAtMs = performance.now();
  #closed = false;

  constructor(descriptor: number, stats: BigIntStats, path: string, key: string, bytes?: Uint8Array) {
    this.descriptor = descriptor;
    this.stats = stats;
    this.path = path;
    this.key = key;
    this.bytes = bytes;
    if (bytes) this.#closed = true;
  }

  /** Nothing was written to it, so closing cannot fail in a way that matters. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const isYoung = performance.now() - this.#openedAtMs < JUST_OPENED_MS;
    if (this.stats.size > MAX_CLOSED_AT_ONCE && !isYoung) close(this.descriptor, () => {});
    else closeQuietly(this.descriptor);
  }
}

/** Without O_NONBLOCK a named pipe that nobody writes to would keep one of the few threads for files, for ever. */
export const OPEN_FLAGS: number = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens what `path` leads to, for reading.
 *
 * @param scope - what will be checked of it: a small file is kept for those that would check the same
 * @throws HttpError 404 (nothing there that can be opened), 403 (not ours to read), 503 (too many files are open), 500
 *   (anything else, which is reported)
 */
export async function openEntry(path: string, scope = ""): Promise<OpenEntry> {
  const key = `${scope}\0${path}`;
  try {
    const small = findSmallFile(key, path);
    if (small) return new OpenEntry(-1, small.stats, path, key, small.bytes);
    return describeOpen(await openOnThread(path), path, key);
  } catch (error) {
    throw toHttpError(error);
  }
}

function openOnThread(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, OPEN_FLAGS, (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
  });
}

function describeOpen(descriptor: number, path: string, key: string): OpenEntry {
  try {
    // Of an open file the system knows it without asking the disk.
    return new OpenEntry(descriptor, fstatSync(descriptor, { bigint: true }), path, key);
  } catch (error) {
    closeQuietly(descriptor);
    throw error;
  }
}

/** As {@link openEntry}, for a regular file: anything else is 404. */
export async function openFile(path: string): Promise<OpenEntry> {
  const entry = await openEntry(path);
  if (entry.stats.isFile()) return entry;
  entry.close();
  throw new HttpError(404);
}

function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // See OpenEntry.close.
  }
}

function toHttpError(error: unknown): HttpError {
  const status = STATUS_OF[(error as { code?: string }).code ?? ""] ?? 500;
  if (status === 500) report({ code: "SOURCE_FAILED", message: "A file could not be opened", error });
  return new HttpError(status, undefined, {
    cause: error,
    ...(status === 503 ? { headers: { "Retry-After": RETRY_AFTER_SECONDS } } : {}),
  });
}
