import { concat } from "../core/concat.ts";
import type { Item, Puller } from "../core/puller.ts";

/** From here on what a message has is sent where it lies; smaller ones are copied together. */
const BY_REFERENCE_BYTES = 4096;
/** So much is copied together at a time, in bytes. */
const TOGETHER_BYTES = 16 * 1024;

/** The bytes of a page, piece by piece: a page of the log is in memory once, not twice. */
export class PageBody implements Puller {
  readonly #parts: readonly Uint8Array[];
  #next = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
  }

  pull(): Item | undefined {
    const first = this.#parts[this.#next];
    if (!first) return undefined;
    const begin = this.#next++;
    if (first.byteLength >= BY_REFERENCE_BYTES) return first;
    let { byteLength } = first;
    for (;;) {
      const part = this.#parts[this.#next];
      if (!part || part.byteLength >= BY_REFERENCE_BYTES || byteLength >= TOGETHER_BYTES) break;
      byteLength += part.byteLength;
      this.#next++;
    }
    return concat(this.#parts.slice(begin, this.#next), byteLength);
  }

  cancel(): void {}
}
