import { Worker } from "node:worker_threads";
import { after } from "../core/clocks.ts";
import { type FileStats, isSettled } from "./file-validators.ts";
import { type HashJob, type HashResult, keyOf } from "./hash-messages.ts";

/** Hashes that are remembered; the one longest unused is forgotten first. */
const MAX_KNOWN = 10_000;
/** Files that wait for their turn; more are not hashed until somebody asks again. */
const MAX_WAITING = 1_000;
/** How long the thread is kept without work, in ms. */
const IDLE_MS = 10_000;

type Hash = Uint8Array | undefined;

const known = new Map<string, Uint8Array>();
const waiting = new Map<string, { promise: Promise<Hash>; settle: (hash: Hash) => void }>();
let worker: Worker | undefined;
let idle: ReturnType<typeof after>;

/** The SHA-256 of a file in this state, where it is known already. */
export function knownHash(stats: FileStats): Hash {
  const key = keyOf(stats);
  const hash = known.get(key);
  if (!hash) return undefined;
  // The last of a Map is the youngest.
  known.delete(key);
  known.set(key, hash);
  return hash;
}

/**
 * The SHA-256 of the file at `path`, computed in the background and once for each state of it.
 *
 * @param stats - the state that is meant
 * @returns undefined where the file is not in that state (any more), changed less than 2 s ago (then a later change might
 *   not show), cannot be read, or too many others wait
 */
export function hashFile(path: string, stats: FileStats): Promise<Hash> {
  const hash = knownHash(stats);
  if (hash || !isSettled(stats, Date.now())) return Promise.resolve(hash);
  const key = keyOf(stats);
  const present = waiting.get(key);
  if (present) return present.promise;
  if (waiting.size >= MAX_WAITING) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<Hash>();
  waiting.set(key, { promise, settle: resolve });
  clearTimeout(idle);
  worker ??= startWorker();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage({ path, key } satisfies HashJob);
  return promise;
}

function startWorker(): Worker {
  // The sources run as they are, and what is built is JavaScript.
  const file = import.meta.url.endsWith(".ts")
    ? new URL("./hash-worker.ts", import.meta.url)
    : new URL("./hash-worker.js", import.meta.url);
  const started = new Worker(file);
  started.unref();
  started.on("message", ({ key, sha256 }: HashResult) => {
    if (sha256) remember(key, sha256);
    settle(key, sha256);
    if (waiting.size === 0) idle = after(IDLE_MS, () => stop(started));
  });
  started.on("error", () => stop(started));
  return started;
}

function stop(stopped: Worker): void {
  if (worker !== stopped) return;
  worker = undefined;
  for (const key of waiting.keys()) settle(key, undefined);
  void stopped.terminate();
}

function settle(key: string, hash: Hash): void {
  waiting.get(key)?.settle(hash);
  waiting.delete(key);
}

function remember(key: string, hash: Uint8Array): void {
  known.set(key, hash);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
}
