import type { Column } from "../column.ts";
import type { Parameters } from "../parameters.ts";
import type { RowFormatRequest } from "../row-format.ts";
import type { Table } from "../row-query.ts";

/** What rows are asked of. */
export type ReaderTarget = { readonly sql: string; readonly parameters: Parameters } | { readonly table: string };

/**
 * What a reader process is told, one at a time. It answers `open` with `columns`, and waits for `run` or `drop`; then come the
 * rows as text, and `end`. It may answer `failed` at any time, and is ready for the next request then.
 */
export type ReaderRequest =
  | {
      readonly kind: "open";
      readonly target: ReaderTarget;
      readonly format: RowFormatRequest;
      /** Null for all: JSON has no Infinity. */
      readonly maxRows: number | null;
    }
  | { readonly kind: "describe"; readonly target: ReaderTarget }
  | { readonly kind: "tables" }
  | { readonly kind: "run" }
  | { readonly kind: "drop" };

/** What the writer of Parquet is told, once: it makes a file of the rows that its pipe brings, which have these columns. */
export interface WriterRequest {
  readonly kind: "write";
  readonly columns: readonly Column[];
}

export type ReaderAnswer =
  | { readonly kind: "columns"; readonly columns: readonly Column[] }
  | { readonly kind: "tables"; readonly tables: readonly Table[] }
  | { readonly kind: "end"; readonly truncated: boolean }
  | ReaderFailure;

export interface ReaderFailure {
  readonly kind: "failed";
  readonly reason: "query" | "denied" | "unknown table" | "database" | "busy";
  /** In the database's words, for who runs the server. */
  readonly message: string;
  /** In the statement, in characters from 1. */
  readonly position?: number | undefined;
  readonly databaseCode?: string | undefined;
}

/**
 * A frame is its kind in 1 byte, its length in 4 (big-endian), the number of rows in it in 4, and that many bytes: text of rows,
 * or an answer as JSON.
 */
export const FRAME_BYTES = 9;
export const TEXT_FRAME = 1;
const ANSWER_FRAME = 2;

export function encodeAnswer(answer: ReaderAnswer): Buffer {
  const json = Buffer.from(JSON.stringify(answer));
  const frame = Buffer.allocUnsafe(FRAME_BYTES + json.length);
  writeFrameHead(frame, ANSWER_FRAME, json.length, 0);
  json.copy(frame, FRAME_BYTES);
  return frame;
}

export function writeFrameHead(frame: Buffer, kind: number, bytes: number, rows: number): void {
  frame[0] = kind;
  frame.writeUInt32BE(bytes, 1);
  frame.writeUInt32BE(rows, 5);
}

/** Takes frames apart as they arrive: text is given on in the pieces it comes in, answers are put together. */
export class FrameParser {
  #chunk: Buffer = Buffer.alloc(0);
  #kind = 0;
  /** Of the frame that has begun, in bytes. */
  #rest = 0;
  #rows = 0;

  /** Rows of all frames that have begun. */
  get rows(): number {
    return this.#rows;
  }

  /** Only after {@link next} has given undefined. */
  push(chunk: Buffer): void {
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk]);
  }

  /** Before the frames of another query. */
  resetRows(): void {
    this.#rows = 0;
  }

  /** A piece of text, an answer, or undefined: there is nothing whole at hand. */
  next(): Buffer | ReaderAnswer | undefined {
    if (this.#rest === 0) {
      if (this.#chunk.length < FRAME_BYTES) return undefined;
      this.#kind = this.#chunk[0]!;
      this.#rest = this.#chunk.readUInt32BE(1);
      this.#rows += this.#chunk.readUInt32BE(5);
      this.#chunk = this.#chunk.subarray(FRAME_BYTES);
    }
    if (this.#kind === TEXT_FRAME) return this.#chunk.length === 0 ? undefined : this.#take();
    if (this.#chunk.length < this.#rest) return undefined;
    return JSON.parse(this.#take().toString()) as ReaderAnswer;
  }

  #take(): Buffer {
    const taken = this.#chunk.subarray(0, this.#rest);
    this.#chunk = this.#chunk.subarray(taken.length);
    this.#rest -= taken.length;
    return taken;
  }
}
