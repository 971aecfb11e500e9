/**
 * A reader process's side of its pipes: requests on stdin, answers on descriptor 3. It waits in both, and needs no event loop
 * for them: its backpressure is the pipe's.
 */
import { readSync, writeSync } from "node:fs";
import { deserialize } from "node:v8";
import {
  FRAME_BYTES,
  type ReaderAnswer,
  type ReaderRequest,
  TEXT_FRAME,
  encodeAnswer,
  writeFrameHead,
} from "./messages.ts";

const REQUESTS = 0;
const ANSWERS = 3;
/** What is copied together for one write, in bytes. */
const FRAME_ROOM = 256 * 1024;

const frame = Buffer.allocUnsafe(FRAME_BYTES + FRAME_ROOM);

/** Waits for a request; undefined where there will be none. */
export function receive(): ReaderRequest | undefined {
  const head = receiveBytes(4);
  const body = head && receiveBytes(head.readUInt32BE(0));
  return body && (deserialize(body) as ReaderRequest);
}

export function answer(given: ReaderAnswer): void {
  write(encodeAnswer(given));
}

/** Sends text of rows, and waits until there is room for it. Bytes are no longer needed then. */
export function sendText(parts: readonly (string | Uint8Array)[], rows: number): void {
  let bound = 0;
  for (const part of parts) bound += typeof part === "string" ? part.length * 3 : part.length;
  // A text larger than the frame goes by itself.
  const room = bound <= FRAME_ROOM ? frame : Buffer.allocUnsafe(FRAME_BYTES + bound);
  let end = FRAME_BYTES;
  for (const part of parts) {
    if (typeof part === "string") end += room.write(part, end, "utf8");
    else {
      room.set(part, end);
      end += part.length;
    }
  }
  if (end === FRAME_BYTES) return;
  writeFrameHead(room, TEXT_FRAME, end - FRAME_BYTES, rows);
  write(room.subarray(0, end));
}

function write(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(ANSWERS, bytes, written);
}

function receiveBytes(length: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length;) {
    const read = readSync(REQUESTS, bytes, filled, length - filled, null);
    if (read === 0) return undefined;
    filled += read;
  }
  return bytes;
}
