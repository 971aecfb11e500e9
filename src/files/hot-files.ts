import { statfs } from "node:fs";

/**
 * File systems of this machine by their `f_type` (statfs(2)). What was used on them a moment ago is in memory; one across a
 * network, or in another process (FUSE), may make even that wait.
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
/** What was used longer ago may have left the memory, in ms. */
const HOT_MS = 1_000;
/** Work on the main thread that takes longer than this was not in memory; less may be the turn of another process. In ms. */
const SLOW_MS = 20;
/** How long no file counts as hot after that, in ms. */
const COOL_DOWN_MS = 5_000;
const MAX_PATHS = 10_000;

/** When each path was used last, the longest unused first. */
const used = new Map<string, { atMs: number; dev: bigint }>();
/** Whether a device is one of {@link LOCAL_TYPES}; false until it is known. */
const local = new Map<bigint, boolean>();
let coolUntilMs = 0;

/**
 * Whether the file at `path` can be opened and read on the main thread: handing a small file to another thread and back
 * costs several times what the system needs to copy it from memory. The first use of a file goes by the threads.
 */
export function isHot(path: string): boolean {
  const entry = used.get(path);
  if (!entry || !local.get(entry.dev)) return false;
  const nowMs = performance.now();
  return nowMs - entry.atMs < HOT_MS && nowMs >= coolUntilMs;
}

/** The file at `path` was opened, and will be read. */
export function noteUse(path: string, dev: bigint): void {
  used.delete(path);
  used.set(path, { atMs: performance.now(), dev });
  if (used.size > MAX_PATHS) used.delete(used.keys().next().value!);
  if (local.has(dev)) return;
  local.set(dev, false);
  statfs(path, (error, stats) => {
    if (!error) local.set(dev, LOCAL_TYPES.has(stats.type));
  });
}

/** Runs `work` on the main thread, and sees to it that there is no second time where it had to wait. */
export function runHot<T>(work: () => T): T {
  const startedAtMs = performance.now();
  try {
    return work();
  } finally {
    const nowMs = performance.now();
    if (nowMs - startedAtMs > SLOW_MS) coolUntilMs = nowMs + COOL_DOWN_MS;
  }
}
