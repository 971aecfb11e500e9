import type { Blocks } from "../core/blocks.ts";
import type { Growing } from "./growing.ts";

/** What grows, from a position to its end, for one reader: it is read behind whoever writes, who may still be at it. */
export class GrowingBlocks implements Blocks {
  readonly #growing: Growing;
  readonly #first: number;
  readonly #onClose: () => void;
  #wake: (() => void) | undefined;

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

  more(position: number): PromiseLike<void> | undefined {
    this.#forget();
    if (this.#settles(position)) return undefined;
    const failure = this.#growing.end?.error;
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        const error = this.#growing.end?.error;
        if (!this.#settles(position) && !error) return;
        this.#forget();
        if (error && !this.#settles(position)) reject(error);
        else resolve();
      };
      this.#wake = wake;
      this.#growing.watch(wake);
    });
  }

  read(buffer: Uint8Array<ArrayBuffer>, position: number): Promise<number> {
    return this.#growing.read(buffer, this.#first + position);
  }

  close(): void {
    this.#forget();
    this.#onClose();
  }

  /** Whether there are bytes at `position`, or it is the end. */
  #settles(position: number): boolean {
    return position < this.availableLength || position >= this.byteLength;
  }

  #forget(): void {
    if (this.#wake) this.#growing.unwatch(this.#wake);
    this.#wake = undefined;
  }
}
