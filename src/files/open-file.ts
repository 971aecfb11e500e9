import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { type FileHandle, constants, open } from "node:fs/promises";
import { HttpError } from "../errors.ts";
import type { Representation } from "../representation/answer.ts";

/** A regular file that is open, as it was at that moment. Whoever has it closes the handle. */
export interface OpenFile extends Representation {
  readonly handle: FileHandle;
}

/** Younger states may share their timestamps with another one: some file systems count in seconds, or two (RFC 9110 §8.8.2.2). */
const SETTLED_AFTER_MS = 2_000;
/** Builds that are to be reproducible set 0 or 1 s for every file: it says nothing. */
const MEANINGLESS_MTIME_MS = 1_000;
const RETRY_AFTER_SECONDS = "2";

const STATUS_OF: Readonly<Record<string, number>> = {
  ENOENT: 404,
  ENOTDIR: 404,
  EISDIR: 404,
  ENAMETOOLONG: 404,
  ELOOP: 404,
  ENXIO: 404,
  // A path with NUL in it: there can be no such file.
  ERR_INVALID_ARG_VALUE: 404,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
  EAGAIN: 503,
};

/**
 * Opens a regular file for reading. It is the opened file that is described, whatever its name stands for by now.
 *
 * @throws HttpError 404 (none, or no regular file), 403 (not ours to read), 503 (too many files are open); other errors as
 *   Node throws them
 */
export async function openFile(path: string | URL): Promise<OpenFile> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe that nobody writes to would keep one of the few threads for files, for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw toHttpError(error);
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw new HttpError(404);
    return { handle, ...describe(stats, Date.now()) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The length and validators of a file. The entity tag is strong: made of the times in ns, the size, and the inode, which
 * differs where a file was replaced with its times kept. While the last change is too young to be told from a next one,
 * the tag is weak, so that nobody joins parts of two states.
 */
export function describe(
  stats: Pick<BigIntStats, "size" | "ino" | "mtimeNs" | "ctimeNs" | "mtimeMs" | "ctimeMs">,
  nowMs: number,
): Representation {
  const { size, ino, mtimeNs, ctimeNs } = stats;
  const mtimeMs = Number(stats.mtimeMs);
  const changedMs = Math.max(mtimeMs, Number(stats.ctimeMs));
  // A time in the future is a clock that was wrong: it says nothing of how long ago the change was, and ctime does.
  const isSettled = nowMs - (changedMs > nowMs ? Number(stats.ctimeMs) : changedMs) >= SETTLED_AFTER_MS;
  const opaque = createHash("sha256").update(`${size}-${ino}-${mtimeNs}-${ctimeNs}`).digest("base64url").slice(0, 22);
  // RFC 9110 §8.8.2.1: never later than the Date of the answer.
  const lastModifiedMs = Math.floor(Math.min(mtimeMs, nowMs) / 1000) * 1000;
  return {
    completeLength: Number(size),
    etag: isSettled ? `"${opaque}"` : `W/"${opaque}"`,
    lastModifiedMs: mtimeMs <= MEANINGLESS_MTIME_MS ? undefined : lastModifiedMs,
    lastModifiedIsStrong: isSettled && mtimeMs <= nowMs,
  };
}

function toHttpError(error: unknown): unknown {
  const status = STATUS_OF[(error as { code?: string }).code ?? ""];
  if (status === undefined) return error;
  return new HttpError(status, undefined, {
    cause: error,
    ...(status === 503 ? { headers: { "Retry-After": RETRY_AFTER_SECONDS } } : {}),
  });
}
