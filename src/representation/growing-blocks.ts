import type { Blocks } from "../core/blocks.ts";
import type { Growing } from "./growing.ts";

/** What grows, from a position to its end, for one reader: it is read behind whoever writes, who may still be at it. */
export class GrowingBlocks implements Blocks {
  readonly #growing: Growing;
  readonly #first: number;
  readonly #onClose: () => void;
  #awaited: { readonly position: number; readonly listener: () => void } | undefined;
  #isWatching = false;
  #isReading = false;
  #isClosed = false;

  /**
   * @param first - where it begins: no further than the end, where that is known
   * @param onClose - called once, when nothing is read any more
   */
  constructor(growing: Growing, first: number, onClose: () => void) {
    this.#growing = growing;
    this.#first = first;
    this.#onClose = onClose;
  }

  get byteLength(): number {
    const { end, length } = this.#growing;
    // What has failed has no end that could be reached.
    return end && !end.error ? length - this.#first : Infinity;
  }

  get availableLength(): number {
    return this.#growing.length - this.#first;
  }

  awaitMore(position: number, listener: () => void): boolean {
    this.#awaited = undefined;
    if (this.#isSettled(position)) return false;
    this.#awaited = { position, listener };
    // Not forgotten between two waits: thousands who wait for the same would come and go each time.
    if (!this.#isWatching) this.#growing.watch(this.#onGrown);
    this.#isWatching = true;
    return true;
  }

  read(buffer: Uint8Array<ArrayBuffer>, position: number): number | Promise<number> {
    const error = position < this.availableLength ? undefined : this.#growing.end?.error;
    if (error) throw error;
    const read = this.#growing.read(buffer, this.#first + position);
    return typeof read === "number" ? read : this.#finishRead(read);
  }

  close(): void {
    this.#awaited = undefined;
    if (this.#isWatching) this.#growing.unwatch(this.#onGrown);
    this.#isClosed = true;
    if (!this.#isReading) this.#onClose();
  }

  async #finishRead(read: Promise<number>): Promise<number> {
    this.#isReading = true;
    try {
      return await read;
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#onClose();
    }
  }

  readonly #onGrown = (): void => {
    const awaited = this.#awaited;
    if (!awaited || !this.#isSettled(awaited.position)) return;
    this.#awaited = undefined;
    awaited.listener();
  };

  /** Whether there are bytes at `position`, or it is the end. */
  #isSettled(position: number): boolean {
    return position < this.availableLength || this.#growing.end !== undefined;
  }
}
