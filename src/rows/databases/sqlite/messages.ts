import type { RowFormatName } from "../../row-formats.ts";
import type { Column } from "../../row-query.ts";
import type { Parameters } from "../../parameters.ts";

/** What the reader process is told, in this order: a query; and when it has described it, whether to run it. */
export type ReaderRequest =
  | { readonly kind: "describe"; readonly sql: string; readonly parameters: Parameters; readonly format: RowFormatName }
  | { readonly kind: "run" }
  | { readonly kind: "drop" };

/** What it answers: `columns` or `failed` to a query, then the rows as text, then `end` or `failed`. */
export type ReaderAnswer =
  | { readonly kind: "columns"; readonly columns: readonly Column[] }
  | { readonly kind: "end" }
  | {
      readonly kind: "failed";
      readonly reason: "query" | "database" | "busy";
      /** In SQLite's words, for who runs the server. */
      readonly message: string;
    };

/** A frame is its kind in 1 byte, its length in 4 (big-endian), and that many bytes: text of rows, or an answer as JSON. */
export const FRAME_BYTES = 5;
export const TEXT_FRAME = 1;
const ANSWER_FRAME = 2;

export function encodeAnswer(answer: ReaderAnswer): Buffer {
  const json = Buffer.from(JSON.stringify(answer));
  const frame = Buffer.allocUnsafe(FRAME_BYTES + json.length);
  writeFrameHead(frame, ANSWER_FRAME, json.length);
  json.copy(frame, FRAME_BYTES);
  return frame;
}

export function writeFrameHead(frame: Buffer, kind: number, length: number): void {
  frame[0] = kind;
  frame.writeUInt32BE(length, 1);
}

/** Takes frames apart as they arrive: text is given on in the pieces it comes in, answers are put together. */
export class FrameParser {
  #chunk: Buffer = Buffer.alloc(0);
  #kind = 0;
  /** Of the frame that has begun, in bytes. */
  #rest = 0;

  /** Only after {@link next} has given undefined. */
  push(chunk: Buffer): void {
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk]);
  }

  /** A piece of text, an answer, or undefined: there is nothing whole at hand. */
  next(): Buffer | ReaderAnswer | undefined {
    if (this.#rest === 0) {
      if (this.#chunk.length < FRAME_BYTES) return undefined;
      this.#kind = this.#chunk[0]!;
      this.#rest = this.#chunk.readUInt32BE(1);
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
