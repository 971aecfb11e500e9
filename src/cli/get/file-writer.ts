import type { FileHandle } from "node:fs/promises";

/** One write to the file: below it the cost of a call shows, above it nothing is won. */
const WRITE_BYTES = 1024 * 1024;
/** The most that waits for the disk. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;

/**
 * Writes chunks one behind the other, many with one call, while the next ones arrive. Every write goes to a position of its
 * own, and begins when the one before has ended: wherever the process dies, the file is a beginning of the bytes.
 */
export class FileWriter {
  readonly #handle: FileHandle;
  #writtenBytes: number;
  #chunks: Uint8Array[] = [];
  #chunksBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;

  /** @param writtenBytes - where in the file the first chunk goes */
  constructor(handle: FileHandle, writtenBytes: number) {
    this.#handle = handle;
    this.#writtenBytes = writtenBytes;
  }

  /** Keeps the chunk until it is written. A promise: wait before the next one. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#chunks.push(chunk);
    this.#chunksBytes += chunk.byteLength;
    if (this.#chunksBytes < WRITE_BYTES) return undefined;
    if (this.#writing === undefined) {
      this.#begin();
      return undefined;
    }
    return this.#chunksBytes < MAX_PENDING_BYTES ? undefined : this.#settle();
  }

  /** Waits until everything is in the file. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#chunksBytes > 0) {
      if (this.#writing === undefined && !this.#failure) this.#begin();
      await this.#settle();
    }
    if (this.#failure) throw this.#failure;
  }

  async #settle(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure;
  }

  #begin(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunksBytes = 0;
    this.#writing = this.#writeAll(chunks)
      .catch((error: unknown) => void (this.#failure = error as Error))
      .finally(() => {
        this.#writing = undefined;
        if (!this.#failure && this.#chunksBytes >= WRITE_BYTES) this.#begin();
      });
  }

  async #writeAll(chunks: Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle.writev(rest, this.#writtenBytes);
      this.#writtenBytes += bytesWritten;
      rest = behind(rest, bytesWritten);
    }
  }
}

/** A disk that is almost full takes a part of a write; what is left of it tells why. */
function behind(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let index = 0;
  while (index < chunks.length && skip >= chunks[index]!.byteLength) skip -= chunks[index++]!.byteLength;
  const rest = chunks.slice(index);
  if (skip > 0) rest[0] = rest[0]!.subarray(skip);
  return rest;
}
