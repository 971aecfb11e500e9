/** Hashes files one after the other, on a thread of its own: a gigabyte takes about a second of a processor. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { type HashJob, type HashResult, keyOf } from "./hash-messages.ts";
import { OPEN_FLAGS } from "./open-entry.ts";

const BUFFER_BYTES = 1024 * 1024;
const buffer = new Uint8Array(BUFFER_BYTES);

parentPort!.on("message", ({ path, key }: HashJob) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort!.postMessage({ key, sha256: hash(path, key) } satisfies HashResult);
});

/** Undefined where the file cannot be read, or is not (or does not stay) the one that `key` stands for. */
function hash(path: string, key: string): Uint8Array | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, OPEN_FLAGS);
    if (!isInState(descriptor, key)) return undefined;
    const sha256 = createHash("sha256");
    for (let position = 0; ;) {
      const bytesRead = readSync(descriptor, buffer, 0, BUFFER_BYTES, position);
      if (bytesRead === 0) break;
      sha256.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return isInState(descriptor, key) ? sha256.digest() : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isInState(descriptor: number, key: string): boolean {
  return keyOf(fstatSync(descriptor, { bigint: true })) === key;
}
