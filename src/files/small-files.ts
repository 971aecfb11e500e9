import { type BigIntStats, statSync, statfs } from "node:fs";
import { after } from "../core/clocks.ts";
import { isSettled } from "./file-validators.ts";

/** Files up to this size are kept, in bytes. */
export const MAX_SMALL_BYTES: number = 64 * 1024;
/** All that are kept, in bytes. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** How long one is kept, in ms: then it is opened again, and looked for where it lies. */
const KEPT_MS = 1_000;
/** A look that takes longer than this had to wait; less may be the turn of another process. In ms. */
const SLOW_MS = 20;
/** How long nothing is looked at after that, in ms. */
const COOL_DOWN_MS = 5_000;

/**
 * File systems of this machine by their `f_type` (statfs(2)). What was used on them a moment ago is known without waiting;
 * one across a network, or in another process (FUSE), may have to be asked.
 */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  0xef_53, // ext2, ext3, ext4
  0x58_46_53_42, // XFS
  0x91_23_68_3e, // Btrfs
  0x01_02_19_94, // tmpfs
  0x79_4c_76_30, // overlayfs
  0xf2_f5_20_10, // F2FS
  0x2f_c1_2f_c1, // ZFS
]);

/** A small file as it is, its bytes at hand. */
export interface SmallFile {
  readonly stats: BigIntStats;
  readonly bytes: Uint8Array;
}

/** By key, the longest kept first. */
const kept = new Map<string, SmallFile & { readonly sinceMs: number }>();
let keptBytes = 0;
let sweep: ReturnType<typeof after>;
/** Whether a device is one of {@link LOCAL_TYPES}; false until it is known. */
const local = new Map<bigint, boolean>();
let coolUntilMs = 0;

/**
 * The file at `path`, where it was read within the last second and is still the same by size, times and inode: opening,
 * reading and closing a file costs several times what one look at it does.
 *
 * @param key - that it was kept by
 */
export function findSmallFile(key: string, path: string): SmallFile | undefined {
  const file = kept.get(key);
  const nowMs = performance.now();
  if (!file || nowMs < coolUntilMs) return undefined;
  const stats = nowMs - file.sinceMs < KEPT_MS ? statSync(path, { bigint: true, throwIfNoEntry: false }) : undefined;
  if (performance.now() - nowMs > SLOW_MS) coolUntilMs = nowMs + COOL_DOWN_MS;
  if (stats && isSameState(stats, file.stats)) return file;
  drop(key);
  return undefined;
}

/**
 * Keeps a file that was read.
 *
 * @param key - of its path, and of what it was checked for
 * @param path - that it was opened by
 * @param stats - of the descriptor it was read from, after reading as before
 * @param bytes - all of it; copied
 */
export function keepSmallFile(key: string, path: string, stats: BigIntStats, bytes: Uint8Array): void {
  // While a next change might not show, the same state is not certain to have the same bytes.
  if (!isLocal(path, stats.dev) || !isSettled(stats, Date.now())) return;
  drop(key);
  kept.set(key, { stats, bytes: bytes.slice(), sinceMs: performance.now() });
  keptBytes += bytes.byteLength;
  for (const oldest of kept.keys()) {
    if (keptBytes <= MAX_KEPT_BYTES) break;
    drop(oldest);
  }
  sweep ??= after(KEPT_MS, dropOld);
}

export function isSameState(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev;
}

function isLocal(path: string, dev: bigint): boolean {
  const known = local.get(dev);
  if (known !== undefined) return known;
  local.set(dev, false);
  statfs(path, (error, stats) => {
    if (!error) local.set(dev, LOCAL_TYPES.has(stats.type));
  });
  return false;
}

function drop(key: string): void {
  const file = kept.get(key);
  if (!file) return;
  kept.delete(key);
  keptBytes -= file.bytes.byteLength;
}

function dropOld(): void {
  const nowMs = performance.now();
  for (const [key, { sinceMs }] of kept) {
    if (nowMs - sinceMs < KEPT_MS) break;
    drop(key);
  }
  sweep = kept.size > 0 ? after(KEPT_MS, dropOld) : undefined;
}
