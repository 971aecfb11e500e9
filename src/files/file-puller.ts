import type { FileHandle } from "node:fs/promises";
import type { Puller } from "../core/puller.ts";
import { SluiceError } from "../errors.ts";

/** What is read at a time, in bytes. */
const READ_BYTES = 64 * 1024;

/**
 * The bytes of an open file from `start` up to but not including `end`, each read into a new buffer, which is the
 * receiver's. Never more than that, however the file grows; a file that has become shorter fails with `ERR_FILE_CHANGED`.
 * Closes the handle on every path: at the end, on a failure, and when cancelled, after the read under way.
 */
export class FilePuller implements Puller {
  readonly #handle: FileHandle;
  readonly #end: number;
  #position: number;
  /** The read under way. */
  #reading: Promise<unknown> | undefined;

  constructor(handle: FileHandle, start: number, end: number) {
    this.#handle = handle;
    this.#position = start;
    this.#end = end;
  }

  pull(): Promise<Uint8Array | undefined> {
    const reading = this.#read();
    this.#reading = reading;
    return reading;
  }

  cancel(): void {
    const close = (): void => closeQuietly(this.#handle);
    if (this.#reading) this.#reading.then(close, close);
    else close();
  }

  async #read(): Promise<Uint8Array | undefined> {
    const wanted = Math.min(READ_BYTES, this.#end - this.#position);
    if (wanted === 0) {
      await this.#handle.close();
      return undefined;
    }
    try {
      const buffer = Buffer.allocUnsafeSlow(wanted);
      const { bytesRead } = await this.#handle.read(buffer, 0, wanted, this.#position);
      if (bytesRead === 0) {
        throw new SluiceError(
          "ERR_FILE_CHANGED",
          `The file became shorter while it was sent: it ends at ${this.#position} now`,
        );
      }
      this.#position += bytesRead;
      return bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead);
    } catch (error) {
      closeQuietly(this.#handle);
      throw error;
    }
  }
}

/** Closes a handle that may be closed already. Nothing was written to it, so closing cannot fail in a way that matters. */
export function closeQuietly(handle: FileHandle): void {
  handle.close().catch(() => {});
}
