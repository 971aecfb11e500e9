import { randomFillSync } from "node:crypto";
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { sha256Of } from "./download.ts";

export const MIB = 2 ** 20;
const CHANGED_BEFORE_MS = 2_100;

/** Puts random bytes at `path`, as a new file under an old name where there was one; their SHA-256. */
export async function writeRandom(path: string, byteLength: number): Promise<string> {
  const next = `${path}.next`;
  const descriptor = openSync(next, "w");
  const block = Buffer.alloc(MIB);
  for (let left = byteLength; left > 0; left -= MIB)
    writeSync(descriptor, randomFillSync(block), 0, Math.min(left, MIB));
  closeSync(descriptor);
  renameSync(next, path);
  return sha256Of(path);
}

/** Files have a strong entity tag when their last change is 2 s ago, and none of these times can be set. */
export function untilSettled(): Promise<void> {
  return delay(CHANGED_BEFORE_MS);
}
