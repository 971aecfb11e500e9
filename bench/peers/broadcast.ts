import { encodeEvent } from "../../src/index.ts";

type EncodedEvent = ReturnType<typeof encodeEvent>;

/** Events a reader may be behind; one that is further behind skips to the oldest kept. A power of two. */
const KEPT_EVENTS = 256;

/**
 * One event to many readers: encoded once, kept in a ring that no reader can hold on to.
 *
 * A reader is only a position. A linked list would let one stalled reader keep everything published since.
 */
export class Broadcast {
  readonly #ring: (EncodedEvent | undefined)[] = Array.from({ length: KEPT_EVENTS });
  #end = 0;
  #changed = Promise.withResolvers<void>();

  publish(data: string): void {
    this.#ring[this.#end++ % KEPT_EVENTS] = encodeEvent({ data });
    this.#wake();
  }

  /** Yields every event published from now on, until `signal` aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<EncodedEvent> {
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    let position = this.#end;
    while (!signal.aborted) {
      position = Math.max(position, this.#end - KEPT_EVENTS);
      const event = position < this.#end ? this.#ring[position++ % KEPT_EVENTS] : undefined;
      if (event === undefined) await this.#changed.promise;
      else yield event;
    }
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}
