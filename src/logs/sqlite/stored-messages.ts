import type { DatabaseSync, StatementSync } from "node:sqlite";
import { concat } from "../../core/concat.ts";
import type { Position, ReadLimits } from "../event-log.ts";
import { LogFileError } from "./failure.ts";
import type { Segment, StoredStreams, StreamRow } from "./stored-streams.ts";

/** A message, as far as it belongs to a stream: a fork may have only its beginning. */
export interface StoredMessage {
  readonly begin: Position;
  readonly end: Position;
  readonly number: number;
  readonly atMs: number;
}

/** A page has no more messages than this, however small they are: each costs more than its bytes. */
const MAX_PAGE_MESSAGES = 10_000;

/** The rows of `messages`, to be looked up by what they are to a stream. */
export class StoredMessages {
  readonly #streams: StoredStreams;
  readonly #first: StatementSync;
  readonly #end: StatementSync;
  readonly #bodies: StatementSync;

  constructor(db: DatabaseSync, streams: StoredStreams) {
    this.#streams = streams;
    this.#first = db.prepare(
      `SELECT end, number, at_ms AS atMs, octet_length(body) AS bytes FROM messages WHERE stream = ? AND end > ?
       ORDER BY end LIMIT 1`,
    );
    this.#end = db.prepare("SELECT end FROM messages WHERE stream = ? AND end >= ? ORDER BY end LIMIT 1");
    // One row for all of them: each row more costs more than the bytes of a small message.
    this.#bodies = db.prepare(
      `SELECT count(*) AS count, max(end) AS end, CAST(group_concat(body, '') AS BLOB) AS bytes,
         group_concat(octet_length(body)) AS lengths
       FROM (SELECT body, end FROM messages WHERE stream = ? AND end > ? AND end <= ? ORDER BY end LIMIT ?)`,
    );
  }

  /** The message that ends first behind a position. O(log n). */
  firstBehind(row: StreamRow, position: Position): StoredMessage | undefined {
    for (const { stream, from, to } of this.#streams.segmentsBehind(row, position)) {
      const found = this.#first.get(stream, from) as
        | { end: number; number: number; atMs: number; bytes: number }
        | undefined;
      if (!found) continue;
      const { end, number, atMs, bytes } = found;
      return { begin: end - bytes, end: Math.min(end, to), number, atMs };
    }
    return undefined;
  }

  /**
   * Where the last message ends for which a condition holds, which holds for all before it: `from`, where it holds for none.
   * O(log² n).
   */
  endOfLast(row: StreamRow, from: Position, isSo: (message: StoredMessage) => boolean): Position {
    let low = from;
    let high = row.next;
    while (low < high) {
      const message = this.firstBehind(row, Math.floor((low + high) / 2));
      if (message && isSo(message)) low = message.end;
      else high = message?.begin ?? low;
    }
    return low;
  }

  /** Where the `count`-th message behind a position ends; undefined where there are fewer. */
  endBehind(row: StreamRow, position: Position, count: number): Position | undefined {
    const first = this.firstBehind(row, position);
    const wanted = (first?.number ?? Infinity) + count - 1;
    if (wanted > row.count) return undefined;
    return this.endOfLast(row, position, ({ number }) => number <= wanted);
  }

  /** The number of the last message that begins before a position. */
  numberAt(row: StreamRow, position: Position): number {
    const behind = this.firstBehind(row, position);
    if (!behind) return row.count;
    return behind.begin < position ? behind.number : behind.number - 1;
  }

  /** As `EventLog.read`, of a position that is not trimmed. */
  read(
    row: StreamRow,
    after: Position,
    { maxBytes, maxMessages = Infinity }: ReadLimits,
  ): { from: Position; bytes: Uint8Array<ArrayBuffer>; lengths: number[] } {
    const from = Math.min(after, row.next);
    const most = Math.max(1, Math.min(maxMessages, MAX_PAGE_MESSAGES));
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const lengths: number[] = [];
    let next = from;
    for (const segment of this.#streams.segmentsBehind(row, from)) {
      if (lengths.length >= most || (next - from >= maxBytes && lengths.length > 0)) break;
      const part = this.#readSegment(segment, from + maxBytes, most - lengths.length);
      parts.push(part.bytes);
      for (const length of part.lengths) lengths.push(length);
      next = part.end;
    }
    return { from, bytes: join(parts, next - from), lengths };
  }

  #readSegment({ stream, from, to }: Segment, upTo: Position, most: number): Part {
    // The last is the one that has the last byte which is wanted.
    const last = this.#end.get(stream, Math.max(Math.min(upTo, to), from + 1)) as { end: number } | undefined;
    const found = this.#bodies.get(stream, from, last?.end ?? to, most) as unknown as FoundBodies;
    if (found.count === 0) throw new LogFileError("is damaged (messages are missing)");
    const lengths = found.lengths.split(",").map(Number);
    // Of the first there may be only its end, where `from` is inside of it; of the last only its beginning, where a fork has no more.
    const begin = found.end - found.bytes.byteLength;
    const end = Math.min(found.end, to);
    lengths[0]! -= from - begin;
    lengths[lengths.length - 1]! -= found.end - end;
    return { bytes: found.bytes.subarray(from - begin, end - begin), lengths, end };
  }
}

/** All of a segment that a page has. */
interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
  readonly end: Position;
}

interface FoundBodies {
  readonly count: number;
  readonly end: Position;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: string;
}

/** In memory that is handed over, and so is nothing else's. */
function join(parts: readonly Uint8Array<ArrayBuffer>[], byteLength: number): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  return concat(parts, byteLength);
}
