import type { Blocks } from "../core/blocks.ts";
import { type BodyPart, byteLengthOf } from "./answer.ts";

/** Fills a buffer, from its start, with up to `length` bytes from `position` of a representation; says how many: at least one. */
export type ReadAt = (buffer: Uint8Array, length: number, position: number) => number | Promise<number>;

export function totalLengthOf(parts: readonly BodyPart[]): number {
  return parts.reduce((sum, part) => sum + byteLengthOf(part), 0);
}

/**
 * Reads parts as if they stood one after the other: from one of them at a time, what is missing comes with the next read.
 *
 * @param position - in the whole of them
 */
export function readParts(
  parts: readonly BodyPart[],
  buffer: Uint8Array,
  position: number,
  readAt: ReadAt,
): number | Promise<number> {
  let offset = position;
  for (const part of parts) {
    const length = byteLengthOf(part);
    if (offset >= length) {
      offset -= length;
      continue;
    }
    const wanted = Math.min(buffer.byteLength, length - offset);
    if (!(part instanceof Uint8Array)) return readAt(buffer, wanted, part.first + offset);
    buffer.set(part.subarray(offset, offset + wanted));
    return wanted;
  }
  throw new RangeError(`There are ${totalLengthOf(parts)} bytes, none at ${position}`);
}

/** Parts of a representation that does not change. */
export class PartBlocks implements Blocks {
  readonly byteLength: number;
  readonly #parts: readonly BodyPart[];
  readonly #readAt: ReadAt;
  readonly #onClose: () => void;
  #reading = false;
  #closed = false;

  /** @param onClose - called once, when nothing is read any more */
  constructor(parts: readonly BodyPart[], readAt: ReadAt, onClose: () => void) {
    this.#parts = parts;
    this.#readAt = readAt;
    this.#onClose = onClose;
    this.byteLength = totalLengthOf(parts);
  }

  async read(buffer: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    this.#reading = true;
    try {
      return await readParts(this.#parts, buffer, position, this.#readAt);
    } finally {
      this.#reading = false;
      if (this.#closed) this.#onClose();
    }
  }

  close(): void {
    this.#closed = true;
    if (!this.#reading) this.#onClose();
  }
}
