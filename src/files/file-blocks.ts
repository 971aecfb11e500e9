import { type BigIntStats, fstat, fstatSync } from "node:fs";
import type { Blocks } from "../core/blocks.ts";
import { SluiceError } from "../errors.ts";
import type { BodyPart } from "../representation/answer.ts";
import { readParts, totalLengthOf } from "../representation/part-blocks.ts";
import { readAt } from "../representation/read-at.ts";
import type { OpenEntry } from "./open-entry.ts";
import { MAX_SMALL_BYTES, isSameState, keepSmallFile } from "./small-files.ts";

/**
 * Parts of an open file, and what stands between them, one after the other.
 *
 * The read that reaches the end asks first whether the file is still what it was: one that became shorter, or was written
 * over (its mtime is another, and it has not grown), fails with `ERR_FILE_CHANGED`. Growth alone is no harm (a log), nor is
 * another file in its place (a deploy): this one is still here.
 */
export class FileBlocks implements Blocks {
  readonly byteLength: number;
  readonly #file: OpenEntry;
  readonly #parts: readonly BodyPart[];
  #reading = false;
  #closed = false;

  constructor(file: OpenEntry, parts: readonly BodyPart[]) {
    this.#file = file;
    this.#parts = parts;
    this.byteLength = totalLengthOf(parts);
  }

  get atHand(): Uint8Array | undefined {
    const [part] = this.#parts;
    if (this.#parts.length !== 1 || !part || part instanceof Uint8Array) return undefined;
    return this.#file.bytes?.subarray(part.first, part.last + 1);
  }

  async read(buffer: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    this.#reading = true;
    try {
      const bytes = await readParts(this.#parts, buffer, position, this.#readAt);
      if (position + bytes === this.byteLength && !this.#file.bytes) await this.#check(buffer, bytes);
      return bytes;
    } finally {
      this.#reading = false;
      if (this.#closed) this.#file.close();
    }
  }

  close(): void {
    this.#closed = true;
    if (!this.#reading) this.#file.close();
  }

  readonly #readAt = (buffer: Uint8Array, length: number, position: number): number | Promise<number> => {
    const { bytes, descriptor } = this.#file;
    if (!bytes) return readAt(descriptor, buffer, length, position, endsAt);
    buffer.set(bytes.subarray(position, position + length));
    return length;
  };

  /** @param buffer - with what was read last, `bytes` long */
  async #check(buffer: Uint8Array, bytes: number): Promise<void> {
    const { descriptor, stats, key, path } = this.#file;
    const isSmall = stats.size <= MAX_SMALL_BYTES;
    // Just read, the system knows it without asking the disk; after a long download it might have to.
    const now = isSmall ? fstatSync(descriptor, { bigint: true }) : await statOf(descriptor);
    if (now.size < stats.size) throw changed(`it has ${now.size} bytes now`);
    if (now.size === stats.size && now.mtimeNs !== stats.mtimeNs) throw changed("it was written over");
    const isWhole = this.#parts.length === 1 && BigInt(bytes) === stats.size;
    if (isSmall && isWhole && isSameState(now, stats)) keepSmallFile(key, path, stats, buffer.subarray(0, bytes));
  }
}

function changed(how: string): SluiceError {
  return new SluiceError("ERR_FILE_CHANGED", `The file changed while it was sent: ${how}`);
}

function endsAt(position: number): SluiceError {
  return changed(`it ends at ${position} now`);
}

function statOf(descriptor: number): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fstat(descriptor, { bigint: true }, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}
