/**
 * A process that reads one SQLite database: `node reader.ts PATH`, with requests on stdin, and answers on descriptor 3.
 *
 * A statement that is running can't be stopped from within its process: `node:sqlite` has no interrupt, and a worker that is
 * terminated still ends its step first, which may take hours. A process can be killed. All it does is wait: for a request,
 * for SQLite, for room in the pipe. So it needs no event loop, and its backpressure is the pipe's.
 */
import { readSync, writeSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { deserialize } from "node:v8";
import { ROW_FORMATS } from "../../row-formats.ts";
import { toFailure } from "./failure.ts";
import {
  FRAME_BYTES,
  type ReaderAnswer,
  type ReaderRequest,
  TEXT_FRAME,
  encodeAnswer,
  writeFrameHead,
} from "./messages.ts";
import { iterate, openReadOnly, prepareOne } from "./statement.ts";

/** Text is sent when there is this much of it, in UTF-16 code units. */
const BATCH_UNITS = 32 * 1024;
/** A row that took this long is sent with those before it: the next may take as long, in ms. */
const SLOW_ROW_MS = 2;
const REQUESTS = 0;
const ANSWERS = 3;

const frame = Buffer.allocUnsafe(FRAME_BYTES + BATCH_UNITS * 6);

function serve(path: string): void {
  for (let request = receive(); request !== undefined; request = receive()) {
    if (request.kind !== "describe") continue;
    // Opened for each query, so that it sees the file that has the name now, and holds none between queries.
    let database: DatabaseSync | undefined;
    try {
      database = openReadOnly(path);
      answer(database, request);
    } catch (error) {
      write(encodeAnswer(toFailure(error)));
    } finally {
      database?.close();
    }
  }
}

function answer(database: DatabaseSync, request: ReaderRequest & { kind: "describe" }): void {
  const { statement, columns } = prepareOne(database, request.sql);
  write(encodeAnswer({ kind: "columns", columns }));
  const next = receive();
  if (next?.kind !== "run") return;
  sendRows(
    statement,
    request,
    columns.map(({ name }) => name),
  );
  write(encodeAnswer({ kind: "end" } satisfies ReaderAnswer));
}

function sendRows(statement: StatementSync, request: ReaderRequest & { kind: "describe" }, columns: string[]): void {
  const encoder = ROW_FORMATS[request.format].createEncoder(columns);
  // It goes with the first rows: a query that fails before them has sent nothing.
  let text = encoder.begin;
  let wantedAt = performance.now();
  for (const row of iterate(statement, request.parameters)) {
    text += encoder.encode(row);
    const now = performance.now();
    if (text.length >= BATCH_UNITS || now - wantedAt >= SLOW_ROW_MS) {
      writeText(text);
      text = "";
      wantedAt = performance.now();
    } else wantedAt = now;
  }
  text += encoder.end;
  if (text !== "") writeText(text);
}

function writeText(text: string): void {
  if (text.length * 3 <= frame.length - FRAME_BYTES) {
    const length = frame.write(text, FRAME_BYTES, "utf8");
    writeFrameHead(frame, TEXT_FRAME, length);
    return write(frame.subarray(0, FRAME_BYTES + length));
  }
  // A row larger than the frame goes by itself.
  const bytes = Buffer.from(text);
  writeFrameHead(frame, TEXT_FRAME, bytes.length);
  write(frame.subarray(0, FRAME_BYTES));
  write(bytes);
}

/** Waits until there is room. */
function write(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(ANSWERS, bytes, written);
}

/** Waits for a request; undefined where there will be none. */
function receive(): ReaderRequest | undefined {
  const head = receiveBytes(4);
  const body = head && receiveBytes(head.readUInt32BE(0));
  return body && (deserialize(body) as ReaderRequest);
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

serve(process.argv[2]!);
