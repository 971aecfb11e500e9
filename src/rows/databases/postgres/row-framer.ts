import type { Framing } from "../../row-format.ts";
import { MESSAGE, MESSAGE_HEAD_BYTES } from "./protocol.ts";

/**
 * How a row's text lies in its message:
 * - `lines`: COPY in its text formats: the text and a line feed
 * - `tuples`: COPY in its binary format: 2 bytes for the number of fields (one), 4 for its length, the text. Before the first
 *   there is a header, behind the last a trailer.
 * - `fields`: a DataRow: the same without header and trailer
 */
export type RowEncoding = "lines" | "tuples" | "fields";

const TUPLE_HEAD_BYTES = 6;
/** The signature, the flags, and the length of what may follow them (manual, COPY, Binary Format). */
const COPY_HEADER_BYTES = 19;
const COPY_TRAILER_BYTES = 2;
const LINE_FEED_BYTES = 1;

/**
 * Makes the text of rows of the backend's messages: takes them out of their heads, and puts what stands between rows there.
 * That is done in the chunk they came in, where the heads leave more room than is needed; a row that is larger than a chunk
 * is passed on in the pieces it comes in. O(n), and no object for a row.
 */
export class RowFramer {
  readonly #dataType: number;
  readonly #headBytes: number;
  readonly #tailBytes: number;
  readonly #isTuples: boolean;
  readonly #between: Buffer;
  readonly #rowEnd: Buffer;
  /** What stands for a row without text: a single NULL in CSV. */
  readonly #emptyRow: Buffer;
  readonly #maxRows: number;
  readonly #onMessage: (type: number, message: Buffer) => void;
  /** The beginning of a message, whose rest has not come. */
  #stash: Buffer | undefined;
  /** Of the row that has begun: what is to come of its text, and of its message in all, in bytes. */
  #textRest = 0;
  #messageRest = 0;
  #isSkipped = false;
  #headerSeen = false;
  #rows = 0;
  #isTruncated = false;
  #batchRows = 0;

  /** @param onMessage - told of each other message: its type, and all of it, only good until it returns */
  constructor(
    encoding: RowEncoding,
    { between, rowEnd }: Pick<Framing, "between" | "rowEnd">,
    options: { maxRows: number; emptyRow: string; onMessage: (type: number, message: Buffer) => void },
  ) {
    this.#dataType = encoding === "fields" ? MESSAGE.dataRow : MESSAGE.copyData;
    this.#isTuples = encoding === "tuples";
    this.#headBytes = MESSAGE_HEAD_BYTES + (encoding === "lines" ? 0 : TUPLE_HEAD_BYTES);
    this.#tailBytes = encoding === "lines" ? LINE_FEED_BYTES : 0;
    this.#between = Buffer.from(between);
    this.#rowEnd = Buffer.from(rowEnd);
    this.#emptyRow = Buffer.from(options.emptyRow);
    this.#maxRows = options.maxRows;
    this.#onMessage = options.onMessage;
    if (this.#between.length + this.#rowEnd.length + this.#emptyRow.length > this.#headBytes + this.#tailBytes) {
      throw new RangeError("What stands around rows is longer than the heads of their messages");
    }
  }

  /** Rows given, the one that has begun included. */
  get rows(): number {
    return this.#rows;
  }

  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  /** Rows that came since this was last asked, those that are skipped included. */
  takeBatchRows(): number {
    const rows = this.#batchRows;
    this.#batchRows = 0;
    return rows;
  }

  /**
   * Takes a chunk, which is ours from now on.
   *
   * @param emit - given each piece of text, in order
   */
  push(chunk: Buffer, emit: (text: Buffer) => void): void {
    let at = this.#messageRest > 0 ? this.#endRow(chunk, emit) : 0;
    if (this.#messageRest > 0) return;
    if (this.#stash) {
      chunk = Buffer.concat([this.#stash, chunk.subarray(at)]);
      at = 0;
      this.#stash = undefined;
    }
    // Text is written where messages have been read, and is never ahead of them.
    let start = at;
    let out = at;
    while (at + MESSAGE_HEAD_BYTES <= chunk.length) {
      const messageBytes = chunk.readUInt32BE(at + 1) + 1;
      if (chunk[at] !== this.#dataType) {
        if (at + messageBytes > chunk.length) break;
        // Whoever is told may stop it all: what came before goes first.
        if (out > start) emit(chunk.subarray(start, out));
        this.#onMessage(chunk[at]!, chunk.subarray(at, at + messageBytes));
        at += messageBytes;
        start = at;
        out = at;
        continue;
      }
      if (this.#isTuples && messageBytes === MESSAGE_HEAD_BYTES + COPY_TRAILER_BYTES) {
        at += messageBytes;
        continue;
      }
      const hasHeader = this.#isTuples && !this.#headerSeen;
      const headBytes = hasHeader ? this.#headBytes + COPY_HEADER_BYTES : this.#headBytes;
      if (at + Math.min(headBytes, messageBytes) > chunk.length) break;
      this.#headerSeen = true;
      if (messageBytes < headBytes) {
        // The header by itself, or with the trailer: there are no rows.
        at += messageBytes;
        continue;
      }
      this.#batchRows++;
      this.#isSkipped = this.#rows === this.#maxRows;
      if (this.#isSkipped) this.#isTruncated = true;
      const textBytes = messageBytes - headBytes - this.#tailBytes;
      const present = Math.min(chunk.length - at - headBytes, textBytes);
      if (!this.#isSkipped) {
        if (this.#rows > 0) out += this.#between.copy(chunk, out);
        this.#rows++;
        if (textBytes === 0) out += this.#emptyRow.copy(chunk, out);
        chunk.copyWithin(out, at + headBytes, at + headBytes + present);
        out += present;
      }
      if (at + messageBytes > chunk.length) {
        this.#textRest = textBytes - present;
        this.#messageRest = messageBytes - (chunk.length - at);
        at = chunk.length;
        break;
      }
      if (!this.#isSkipped) out += this.#rowEnd.copy(chunk, out);
      at += messageBytes;
    }
    if (out > start) emit(chunk.subarray(start, out));
    if (at < chunk.length) this.#stash = Buffer.from(chunk.subarray(at));
  }

  /** Passes on what has come of a row that began in an earlier chunk. @returns where the next message begins */
  #endRow(chunk: Buffer, emit: (text: Buffer) => void): number {
    const text = Math.min(this.#textRest, chunk.length);
    const taken = Math.min(this.#messageRest, chunk.length);
    this.#textRest -= text;
    this.#messageRest -= taken;
    if (this.#isSkipped) return taken;
    if (text > 0) emit(chunk.subarray(0, text));
    // A small piece: rows end in the middle of a chunk, where there is room for it.
    if (this.#messageRest === 0) emit(this.#rowEnd);
    return taken;
  }
}
