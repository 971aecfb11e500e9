import { quantile } from "../harness/statistics.ts";

/** What became of events that are sent at a rate: the same as `native/deliveries.c`. */
export class Deliveries {
  readonly events: number;
  outOfOrder = 0;
  complete = 0;
  readonly #readers: number;
  /** The event at each place: as the first reader to come there has it. */
  readonly #order: number[] = [];
  readonly #dueAt: number[] = [];
  readonly #publisherOf: number[] = [];
  readonly #receivedBy: number[] = [];
  /** By publisher's connection: the last of its events that has a place. */
  readonly #lastOf: number[] = [];
  readonly #lastReaderMs: number[] = [];
  readonly #deliveryMs: number[] = [];
  #lastAt = 0;

  constructor(events: number, readers: number) {
    this.events = events;
    this.#readers = readers;
  }

  /** An event is sent on one of the connections: those of one have to come in their order. */
  sent(event: number, publisher: number, dueAt: number): void {
    this.#dueAt[event] = dueAt;
    this.#publisherOf[event] = publisher;
    this.#receivedBy[event] = 0;
  }

  /** A reader has one more. @param place - how many it had before */
  take(place: number, event: number): void {
    const publisher = this.#publisherOf[event];
    const isNew = place === this.#order.length;
    if (publisher === undefined || (isNew && !this.#mayFollow(event, publisher))) {
      this.outOfOrder++;
      return;
    }
    if (isNew) {
      this.#order.push(event);
      this.#lastOf[publisher] = event;
    } else if (this.#order[place] !== event) {
      this.outOfOrder++;
      return;
    }
    this.#lastAt = performance.now();
    const ms = this.#lastAt - this.#dueAt[event]!;
    this.#deliveryMs.push(ms);
    if (++this.#receivedBy[event]! < this.#readers) return;
    this.#lastReaderMs[event] = ms;
    this.complete++;
  }

  result(startedAt: number): Record<string, unknown> {
    return {
      outOfOrder: this.outOfOrder,
      publishingMs: this.#lastAt - startedAt,
      deliveryP50Ms: quantile(this.#deliveryMs, 0.5),
      deliveryP99Ms: quantile(this.#deliveryMs, 0.99),
      lastReaderMs: this.complete === this.events ? this.#lastReaderMs : [],
    };
  }

  #mayFollow(event: number, publisher: number): boolean {
    return this.#receivedBy[event] === 0 && (this.#lastOf[publisher] ?? -1) < event;
  }
}
