/** How what has grown has ended: whole, or by an error. */
export type GrowthEnd = { readonly error?: undefined } | { readonly error: Error };

/** Bytes that are still being added to, at positions from 0. Those that are there do not change any more. */
export interface Growing {
  /** How many are there, in bytes. */
  readonly length: number;
  /** Undefined while more may come. */
  readonly end: GrowthEnd | undefined;
  /**
   * Fills `buffer` from its start with bytes from `position` on, which are there, and says how many: at least one. At once,
   * where they are in memory.
   *
   * @param buffer - the caller's; not touched after the read has settled
   */
  read(buffer: Uint8Array, position: number): number | Promise<number>;
  /** Adds somebody who is called each time that there is more, and at the end. Must not throw. */
  watch(listener: () => void): void;
  unwatch(listener: () => void): void;
}

/** Those who watch something grow. */
export class Watchers {
  readonly #listeners = new Set<() => void>();

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
