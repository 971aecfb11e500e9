import { type FileHandle, open } from "node:fs/promises";
import { SluiceError } from "../errors.ts";
import type { Puller } from "../core/puller.ts";
import { optionError } from "../http/response-options.ts";

export interface LinesOptions {
  /**
   * The longest line, in bytes with its ending; a longer one fails with `ERR_LINE_TOO_LONG`, so that a file without line
   * ends cannot fill the memory.
   * @defaultValue 1_048_576
   */
  maxLineBytes?: number;
}

const READ_BYTES = 64 * 1024;
const LF = 0x0a;

/**
 * The lines of a UTF-8 text file, each with its ending (LF or CRLF); a last line without one comes as it is. Bytes that are
 * no UTF-8 become U+FFFD. The file is opened when the first line is asked for, and closed at the end, by `return()`, and on
 * any error; it is read up to where it ends then.
 *
 * Handed to `streamingResponse` as it is, the file's bytes are sent without making strings of them.
 *
 * @throws SluiceError `ERR_LINE_TOO_LONG`; file system errors as Node throws them
 */
export function lines(path: string | URL, options: LinesOptions = {}): Lines {
  const { maxLineBytes = 1024 * 1024 } = options;
  if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
    throw optionError("maxLineBytes", "a number of bytes, an integer ≥ 1", maxLineBytes);
  }
  return new Lines(path, maxLineBytes);
}

/** What {@link lines} returns: iterable any number of times, each time from the start. */
export class Lines implements AsyncIterable<string> {
  readonly #path: string | URL;
  readonly #maxLineBytes: number;

  constructor(path: string | URL, maxLineBytes: number) {
    this.#path = path;
    this.#maxLineBytes = maxLineBytes;
  }

  [Symbol.asyncIterator](): AsyncIterator<string, undefined> & AsyncIterable<string> {
    return new LineIterator(new LineBlocks(this.#path, this.#maxLineBytes));
  }

  /** The same lines as blocks of bytes. Each block is a new buffer, the receiver's own. */
  openBytes(): Puller {
    const blocks = new LineBlocks(this.#path, this.#maxLineBytes);
    return { pull: () => blocks.next(), cancel: () => void blocks.close() };
  }
}

/** Reads whole lines, as many as there are in {@link READ_BYTES}; a longer line is a block of its own. */
class LineBlocks {
  readonly #path: string | URL;
  readonly #maxLineBytes: number;
  #file: FileHandle | undefined;
  #closed = false;
  /** The part of a line at the end of what was read. */
  #rest: Buffer = Buffer.alloc(0);
  /** The read under way. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(path: string | URL, maxLineBytes: number) {
    this.#path = path;
    this.#maxLineBytes = maxLineBytes;
  }

  next(): Promise<Buffer | undefined> {
    const next = this.#next();
    this.#reading = next;
    return next;
  }

  /** Closes the file, after the read under way if there is one. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reading.catch(() => {});
    await this.#file?.close();
    this.#file = undefined;
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#closed) return undefined;
    try {
      this.#file ??= await open(this.#path, "r");
      for (;;) {
        if (this.#closed) return undefined;
        const block = Buffer.allocUnsafeSlow(this.#rest.length + READ_BYTES);
        this.#rest.copy(block);
        const { bytesRead } = await this.#file.read(block, this.#rest.length, READ_BYTES, null);
        const filled = block.subarray(0, this.#rest.length + bytesRead);
        if (bytesRead === 0) {
          this.#rest = Buffer.alloc(0);
          await this.#closeNow();
          this.#checkLines(filled);
          return filled.length > 0 ? filled : undefined;
        }
        const end = filled.lastIndexOf(LF) + 1;
        this.#rest = filled.subarray(end);
        if (this.#rest.length > this.#maxLineBytes) throw this.#tooLong();
        if (end === 0) continue;
        const wholeLines = filled.subarray(0, end);
        this.#checkLines(wholeLines);
        return wholeLines;
      }
    } catch (error) {
      await this.#closeNow();
      throw error;
    }
  }

  async #closeNow(): Promise<void> {
    this.#closed = true;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** O(number of lines), and only where a line could be too long at all. */
  #checkLines(block: Buffer): void {
    if (block.length <= this.#maxLineBytes) return;
    let start = 0;
    while (start < block.length) {
      const lf = block.indexOf(LF, start);
      const end = lf < 0 ? block.length : lf + 1;
      if (end - start > this.#maxLineBytes) throw this.#tooLong();
      start = end;
    }
  }

  #tooLong(): SluiceError {
    return new SluiceError(
      "ERR_LINE_TOO_LONG",
      `A line of the file has more than ${this.#maxLineBytes} bytes; raise maxLineBytes, or send the file as it is`,
    );
  }
}

class LineIterator implements AsyncIterator<string, undefined> {
  readonly #blocks: LineBlocks;
  #text = "";
  #position = 0;
  /** Calls of `next()` that wait for a block: as with a generator, they are answered in order. */
  #waiting = 0;
  #lastWaiting: Promise<unknown> = Promise.resolve();

  constructor(blocks: LineBlocks) {
    this.#blocks = blocks;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<string, undefined>> {
    const line = this.#waiting === 0 ? this.#nextLine() : undefined;
    if (line !== undefined) return Promise.resolve({ done: false, value: line });
    const result = this.#nextAfter(this.#lastWaiting);
    this.#lastWaiting = result.catch(() => {});
    return result;
  }

  async return(): Promise<IteratorResult<string, undefined>> {
    await this.#blocks.close();
    this.#text = "";
    this.#position = 0;
    return { done: true, value: undefined };
  }

  async #nextAfter(before: Promise<unknown>): Promise<IteratorResult<string, undefined>> {
    this.#waiting++;
    try {
      await before;
      const line = this.#nextLine() ?? (await this.#firstOfNextBlock());
      return line === undefined ? { done: true, value: undefined } : { done: false, value: line };
    } finally {
      this.#waiting--;
    }
  }

  async #firstOfNextBlock(): Promise<string | undefined> {
    const block = await this.#blocks.next();
    if (block === undefined) return undefined;
    this.#text = block.toString("utf8");
    this.#position = 0;
    return this.#nextLine();
  }

  #nextLine(): string | undefined {
    if (this.#position === this.#text.length) return undefined;
    const lf = this.#text.indexOf("\n", this.#position);
    const end = lf < 0 ? this.#text.length : lf + 1;
    const line = this.#text.slice(this.#position, end);
    this.#position = end;
    return line;
  }
}
