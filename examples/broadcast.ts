/**
 * One event to any number of readers: encoded once, kept in a ring that no reader can hold on to. A reader is only a
 * position; one that stalls for longer than the ring skips what it missed.
 */
import { type EncodedEvent, type ServerSentEvent, encodeEvent, eventStreamResponse } from "sluice";
import { serve } from "sluice/node";

/** Events a reader may be behind. */
const KEPT_EVENTS = 256;

export class Broadcast {
  readonly #ring: (EncodedEvent | undefined)[] = Array.from({ length: KEPT_EVENTS });
  readonly #waiting = new Set<() => void>();
  #end = 0;

  publish(event: ServerSentEvent): void {
    this.#ring[this.#end++ % KEPT_EVENTS] = encodeEvent(event);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Every event published from now on, until `signal` aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<EncodedEvent> {
    let wake: () => void = () => {};
    signal.addEventListener("abort", () => this.#waiting.delete(wake) && wake(), { once: true });
    for (let position = this.#end; !signal.aborted; ) {
      position = Math.max(position, this.#end - KEPT_EVENTS);
      if (position < this.#end) yield this.#ring[position++ % KEPT_EVENTS]!;
      else await new Promise<void>((resolve) => this.#waiting.add((wake = resolve)));
    }
  }
}

if (import.meta.main) {
  const prices = new Broadcast();
  setInterval(() => prices.publish({ data: { price: Math.random() } }), 1000).unref();
  const server = await serve((request) => eventStreamResponse(request, ({ signal }) => prices.follow(signal)));
  console.log(`Follow it: curl -N ${server.url}`);
}
