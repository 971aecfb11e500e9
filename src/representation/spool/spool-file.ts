import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Growing, type GrowthEnd, Watchers } from "../growing.ts";
import { readAt } from "../read-at.ts";
import { cutAt } from "./finished-file.ts";

/** What is gathered for one write, in bytes; the last two of these stay in memory while the file grows. */
const WINDOW_BYTES = 256 * 1024;

/** Bytes of the file that are in memory, too. */
interface Window {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Their place in the file. */
  start: number;
  length: number;
}

/** What a finished file is: its length in bytes, and its SHA-256. */
export interface SpooledBytes {
  readonly byteLength: number;
  readonly sha256: Uint8Array;
}

/**
 * A file that one writes and many read, from any position, behind the writer and at the same time. What was added last they get
 * from memory: many who follow cost one write, and no read.
 *
 * `append` is called again only after the one before has settled; so are `finish` and `fail`.
 */
export class SpoolFile implements Growing {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #watchers = new Watchers();
  /** None any more when it has ended. */
  #windows: readonly Window[] = [newWindow(), newWindow()];
  /** The one that is filled; the other has what came before. */
  #current = 0;
  /** Added, though perhaps not yet in the file. */
  #added = 0;
  #length = 0;
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;
  #end: GrowthEnd | undefined;
  #readers = 0;
  #closed = false;
  #broken: Error | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param path - of a file that is not there yet. Rejects with the file system's error */
  static async create(path: string): Promise<SpoolFile> {
    return new SpoolFile(await open(path, "wx+", 0o600));
  }

  get length(): number {
    return this.#length;
  }

  get end(): GrowthEnd | undefined {
    return this.#end;
  }

  /** Bodies that read from it now. */
  get readers(): number {
    return this.#readers;
  }

  watch(listener: () => void): void {
    this.#watchers.add(listener);
  }

  unwatch(listener: () => void): void {
    this.#watchers.delete(listener);
  }

  /** Keeps the file open for somebody who reads: until {@link release}. */
  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    this.#closeUnused();
  }

  /**
   * Adds bytes; readers see them when they are in the file. Resolves when there is room for more. Rejects with the file system's
   * error.
   *
   * @param bytes - copied
   */
  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.byteLength;) {
      const window = this.#windows[this.#current]!;
      const part = bytes.subarray(from, from + WINDOW_BYTES - window.length);
      window.bytes.set(part, window.length);
      window.length += part.byteLength;
      this.#added += part.byteLength;
      from += part.byteLength;
      if (window.length === WINDOW_BYTES) await this.#turn();
    }
  }

  /** Has everything that was added written. Resolves when it is. Rejects with the file system's error. */
  async flush(): Promise<void> {
    while (this.#length < this.#added) await (this.#writing ?? this.#write());
    if (this.#failure) throw this.#failure.error;
  }

  /** Marks the end. Resolves when all of it is on the disk. Rejects with the file system's error: it is not finished then. */
  async finish(): Promise<SpooledBytes> {
    await this.flush();
    await this.#file.sync();
    return { byteLength: this.#length, sha256: this.#hash.digest() };
  }

  /** Who still reads from it is to notice that it is gone. */
  break(error: Error): void {
    this.#broken = error;
  }

  /** As {@link break}; its space is free at once, whoever still has it open. */
  async discard(error: Error): Promise<void> {
    this.break(error);
    await this.#file.truncate(0);
  }

  /** Tells readers that it is whole, or that it never will be. */
  close(end: GrowthEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#windows = [];
    this.#watchers.tell();
    this.#closeUnused();
  }

  /** Must have settled before {@link release}. */
  read(buffer: Uint8Array, position: number): number | Promise<number> {
    if (this.#broken) throw this.#broken;
    const wanted = Math.min(buffer.byteLength, this.#length - position);
    for (const { bytes, start, length } of this.#windows) {
      if (position < start || position >= start + length) continue;
      const part = bytes.subarray(position - start, Math.min(length, position - start + wanted));
      buffer.set(part);
      return part.byteLength;
    }
    return readAt(this.#file.fd, buffer, wanted, position, cutAt);
  }

  /** The window is full: it is written while the other one, which has been written, is filled. */
  async #turn(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure.error;
    this.#write().catch(() => {});
    this.#current = 1 - this.#current;
    const next = this.#windows[this.#current]!;
    next.start = this.#added;
    next.length = 0;
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeWindow(this.#windows[this.#current]!).finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #writeWindow(window: Window): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    try {
      for (const until = window.start + window.length; this.#length < until;) {
        const part = window.bytes.subarray(this.#length - window.start, until - window.start);
        const { bytesWritten } = await this.#file.write(part, 0, part.byteLength, this.#length);
        this.#hash.update(part.subarray(0, bytesWritten));
        this.#length += bytesWritten;
      }
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
    this.#watchers.tell();
  }

  #closeUnused(): void {
    if (this.#closed || !this.#end || this.#readers > 0) return;
    this.#closed = true;
    this.#file.close().catch(() => {});
  }
}

function newWindow(): Window {
  return { bytes: new Uint8Array(WINDOW_BYTES), start: 0, length: 0 };
}
