import { hash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { formatHttpDate } from "../http/validators.ts";
import type { Representation } from "../representation/answer.ts";

/**
 * What an entity tag is made of:
 * - `stat`: size, times in ns and inode; it differs between two machines
 * - `stat-portable`: size and the time of the last change of its bytes, which copies may share (`rsync -t`, an image)
 * - `sha256`: the bytes themselves; the first request of a file waits until it has been read once
 */
export type EtagMode = "stat" | "stat-portable" | "sha256";

export type FileStats = Pick<BigIntStats, "size" | "dev" | "ino" | "mtimeNs" | "ctimeNs">;

/** Younger states may share their timestamps with another one: some file systems count in seconds, or two (RFC 9110 §8.8.2.2). */
const SETTLED_AFTER_MS = 2_000;
/** Builds that are to be reproducible set 0 or 1 s for every file: it says nothing. */
const MEANINGLESS_MTIME_MS = 1_000;
const DATE_AGE_MS = 1_000;
const NS_PER_MS = 1_000_000n;

/** Small files that are asked for again and again are described once. */
const described = new WeakMap<
  FileStats,
  {
    readonly mode: EtagMode;
    readonly sha256: Uint8Array | undefined;
    readonly coding: string | undefined;
    readonly representation: Representation;
  }
>();

/**
 * The length and validators of a file as it was when it was opened.
 *
 * The entity tag is strong. While the last change is too young to be told from a next one, it is weak, so that nobody joins
 * parts of two states. Where the time of the last change says nothing, only a hash of the bytes makes a tag.
 *
 * @param sha256 - of these bytes, where it is known
 * @param coding - of these bytes, where they are coded: every coding has a tag of its own
 */
export function describeFile(
  stats: FileStats,
  nowMs: number,
  mode: EtagMode,
  sha256?: Uint8Array,
  coding?: string,
): Representation {
  const known = described.get(stats);
  if (known && known.mode === mode && known.sha256 === sha256 && known.coding === coding) return known.representation;
  const mtimeMs = Number(stats.mtimeNs / NS_PER_MS);
  const settled = isSettled(stats, nowMs);
  const meaningful = hasMeaningfulTime(stats);
  const state =
    sha256 && (mode === "sha256" || !meaningful) ? Buffer.from(sha256).toString("hex") : stateOf(stats, mode);
  const opaque = state && hash("sha256", coding === undefined ? state : `${state}-${coding}`, "base64url").slice(0, 22);
  // RFC 9110 §8.8.2.1: never later than the Date of the answer, which Node makes once a second.
  const lastModifiedMs = Math.floor(Math.min(mtimeMs, nowMs - DATE_AGE_MS) / 1000) * 1000;
  const representation: Representation = {
    completeLength: Number(stats.size),
    etag: opaque && (settled ? `"${opaque}"` : `W/"${opaque}"`),
    ...(meaningful ? { lastModifiedMs, lastModified: formatHttpDate(lastModifiedMs) } : {}),
    lastModifiedIsStrong: settled && mtimeMs <= nowMs,
  };
  // From here on time changes nothing.
  if (settled && mtimeMs <= nowMs - DATE_AGE_MS) described.set(stats, { mode, sha256, coding, representation });
  return representation;
}

/** Whether the last change is old enough that another one since would show in the times. */
export function isSettled({ mtimeNs, ctimeNs }: FileStats, nowMs: number): boolean {
  const mtimeMs = Number(mtimeNs / NS_PER_MS);
  const ctimeMs = Number(ctimeNs / NS_PER_MS);
  // A time in the future is a clock that was wrong: it says nothing of how long ago the change was, and ctime does.
  return nowMs - (mtimeMs > nowMs ? ctimeMs : Math.max(mtimeMs, ctimeMs)) >= SETTLED_AFTER_MS;
}

export function hasMeaningfulTime({ mtimeNs }: FileStats): boolean {
  return mtimeNs / NS_PER_MS > MEANINGLESS_MTIME_MS;
}

function stateOf(stats: FileStats, mode: EtagMode): string | undefined {
  const { size, ino, mtimeNs, ctimeNs } = stats;
  if (mode === "sha256" || !hasMeaningfulTime(stats)) return undefined;
  // The inode differs where a file was replaced with its times kept.
  return mode === "stat" ? `${size}-${ino}-${mtimeNs}-${ctimeNs}` : `${size}-${mtimeNs}`;
}
