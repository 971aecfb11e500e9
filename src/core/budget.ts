/**
 * The memory of all bodies in the process.
 *
 * A body always gets its chunk of {@link CHUNK_BYTES}. Whatever is larger is asked for here, and is granted at once or
 * not at all: nobody waits for memory, so nobody can deadlock on it.
 */

/** What every body may hold without asking, in bytes. */
export const CHUNK_BYTES: number = 16 * 1024;
/** The most that small items are gathered into, in bytes; it takes a grant. */
export const GATHER_BYTES: number = 64 * 1024;
/** The most that is read ahead for a reader that has proved fast, in bytes; it takes a grant. */
export const READ_AHEAD_BYTES: number = 512 * 1024;

const DEFAULT_MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** Reading ahead may use up to this part of the budget, so that readers which stop late cannot pin much. */
const READ_AHEAD_SHARE = 1 / 8;
/** Buffers kept for the next body, per size. */
const MAX_FREE_BUFFERS = 16;

export class Budget {
  #maxBytes: number;
  #usedBytes = 0;
  #readAheadBytes = 0;

  constructor(maxBytes: number = DEFAULT_MAX_BUFFERED_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  set maxBytes(bytes: number) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`maxBufferedBytes is a number of bytes, an integer ≥ 0, got ${bytes}`);
    }
    this.#maxBytes = bytes;
  }

  /** Bytes granted and counted now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Grants `bytes`, or answers false. Every grant is given back by {@link release}. */
  grant(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Counts `bytes` that exist whether we like it or not: an item that a source made. */
  count(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  grantReadAhead(bytes: number): boolean {
    if (this.#readAheadBytes + bytes > this.#maxBytes * READ_AHEAD_SHARE || !this.grant(bytes)) return false;
    this.#readAheadBytes += bytes;
    return true;
  }

  releaseReadAhead(bytes: number): void {
    this.#readAheadBytes -= bytes;
    this.release(bytes);
  }
}

/** The process's budget. */
export const budget: Budget = new Budget();

const freeChunks: Uint8Array<ArrayBuffer>[] = [];
const freeGathers: Uint8Array<ArrayBuffer>[] = [];

/**
 * Room for the framing of a chunk before and behind the bytes: RFC 9112 §7.1 wants the size in hexadecimal and a CRLF
 * before them and a CRLF behind.
 */
export const FRAME_HEAD_BYTES = 10;
export const FRAME_TAIL_BYTES = 2;
const FRAME_BYTES = FRAME_HEAD_BYTES + FRAME_TAIL_BYTES;

/**
 * A buffer of the pool with room for `bytes` and their framing: `GATHER_BYTES`, which must have been granted, or
 * `CHUNK_BYTES`, which is everybody's right.
 */
export function leaseBuffer(bytes: number): Uint8Array<ArrayBuffer> {
  return (bytes === GATHER_BYTES ? freeGathers : freeChunks).pop() ?? new Uint8Array(bytes + FRAME_BYTES);
}

/** Gives a leased buffer back. Its bytes must be in the kernel, or copied: the next lease writes over them. */
export function returnBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const free = buffer.byteLength === GATHER_BYTES + FRAME_BYTES ? freeGathers : freeChunks;
  if (free.length < MAX_FREE_BUFFERS) free.push(buffer);
}
