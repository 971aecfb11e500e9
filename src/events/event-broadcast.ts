import { Pending, type Puller } from "../core/puller.ts";
import { EncodedEvent, type ServerSentEvent, encodeEvent } from "../http/event-codec.ts";
import { optionError } from "../http/response-options.ts";

export interface BroadcastOptions {
  /**
   * Events that a reader may be behind; one that is further behind skips those it missed.
   * @defaultValue 256
   */
  keptEvents?: number;
}

/**
 * The same events for any number of readers: each is encoded once, and kept in a ring that no reader can hold on to. A reader
 * is only a position in it: one that is slow costs the others nothing, and memory does not grow with what it missed.
 *
 * A source for `eventStreamResponse`, and an async iterable. What was published before a reader came is not sent to it.
 *
 * @example
 * const prices = new EventBroadcast();
 * app.get("/prices", (c) => eventStreamResponse(c.req.raw, prices));
 * prices.publish({ data: { price: 12.5 } });
 */
export class EventBroadcast implements AsyncIterable<EncodedEvent> {
  readonly #ring: Ring;

  /** @throws SluiceTypeError `ERR_INVALID_OPTION` */
  constructor({ keptEvents = 256 }: BroadcastOptions = {}) {
    if (!Number.isSafeInteger(keptEvents) || keptEvents < 1)
      throw optionError("keptEvents", "an integer ≥ 1", keptEvents);
    this.#ring = new Ring(keptEvents);
  }

  /** @throws SluiceTypeError `ERR_EVENT_FIELD` where the event cannot be sent: then nobody gets it */
  publish(event: string | ServerSentEvent): void {
    this.#ring.push(encodeEvent(event).bytes);
  }

  /** Ends every reader's stream, when it has read what is kept. */
  close(): void {
    this.#ring.close();
  }

  /** A reader from now on, as frames: what `eventStreamResponse` takes, without a promise for every event. */
  openFrames(): Puller {
    return new Follower(this.#ring);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EncodedEvent, void> {
    const follower = new Follower(this.#ring);
    try {
      for (let bytes; (bytes = await follower.pull()) !== undefined;) yield new EncodedEvent(bytes);
    } finally {
      follower.cancel();
    }
  }
}

/** The frames that are kept, and those who wait for the next. Positions count from the first frame ever. */
class Ring {
  readonly #frames: (Uint8Array | undefined)[];
  #end = 0;
  #closed = false;
  #waiting = new Set<Follower>();

  constructor(length: number) {
    this.#frames = Array.from({ length });
  }

  get begin(): number {
    return Math.max(0, this.#end - this.#frames.length);
  }

  get end(): number {
    return this.#end;
  }

  get closed(): boolean {
    return this.#closed;
  }

  push(frame: Uint8Array): void {
    this.#frames[this.#end++ % this.#frames.length] = frame;
    this.#wake();
  }

  at(position: number): Uint8Array | undefined {
    return this.#frames[position % this.#frames.length];
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  wait(follower: Follower): void {
    this.#waiting.add(follower);
  }

  unwait(follower: Follower): void {
    this.#waiting.delete(follower);
  }

  #wake(): void {
    const waiting = this.#waiting;
    // Those who are woken wait again at once.
    this.#waiting = new Set();
    for (const follower of waiting) follower.wake();
  }
}

/** One reader's place. */
class Follower implements Puller {
  readonly #ring: Ring;
  #position: number;
  #pending: Pending | undefined;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#position = ring.end;
  }

  pull(): Uint8Array | undefined | PromiseLike<Uint8Array | undefined> {
    const frame = this.#next();
    if (frame || this.#ring.closed) return frame;
    this.#ring.wait(this);
    return (this.#pending = new Pending()) as PromiseLike<Uint8Array | undefined>;
  }

  wake(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.settle({ item: this.#next() });
  }

  cancel(): void {
    this.#ring.unwait(this);
    this.#pending = undefined;
  }

  #next(): Uint8Array | undefined {
    this.#position = Math.max(this.#position, this.#ring.begin);
    return this.#position < this.#ring.end ? this.#ring.at(this.#position++) : undefined;
  }
}
