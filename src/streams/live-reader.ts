import { Pending, type Item, type Puller } from "../core/puller.ts";
import { HttpError } from "../errors.ts";
import type { EventLog, Page, Position, ReadLimits } from "../logs/event-log.ts";
import type { Framing } from "./frames.ts";
import type { LiveEnd, LiveListener, LiveStream } from "./live-stream.ts";
import { isAtEnd } from "./read-stream.ts";

export interface LiveReaderOptions {
  readonly log: EventLog;
  readonly name: string;
  readonly framing: Framing;
  /** The stream's end, for who has reached it. */
  readonly live: () => LiveStream;
  /** How much is read at a time for who is behind. */
  readonly limits: ReadLimits;
  /** The reader's own. */
  readonly cursor: string | null;
}

/** One reader's way through a stream: pages of the log until he is at its end, then what all get who are there. */
export class LiveReader implements Puller, LiveListener {
  readonly #options: LiveReaderOptions;
  #first: Page | undefined;
  #position: Position;
  #generation: string;
  /** The end, where he has reached it. */
  #live: LiveStream | undefined;
  #hasEnded = false;
  #pending: Pending | undefined;

  /** @param first - what is behind his position, read already */
  constructor(first: Page, options: LiveReaderOptions) {
    this.#first = first;
    this.#position = first.next;
    this.#generation = first.info.generation;
    this.#options = options;
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    if (this.#hasEnded) return undefined;
    const first = this.#first;
    if (first) {
      this.#first = undefined;
      const { framing, cursor } = this.#options;
      const item = first.messages.length > 0 ? framing.page(first, cursor) : framing.begin(first, cursor);
      if (isAtEnd(first)) {
        if (first.info.closed) this.#end();
        else this.#enter(first);
      }
      if (item.length > 0 || this.#hasEnded) return item.length === 0 ? undefined : item;
    }
    return this.#live ? this.#follow(this.#live) : this.#catchUp();
  }

  cancel(): void {
    this.#pending = undefined;
    this.#end();
  }

  #enter(page: Page): LiveStream {
    const live = this.#options.live();
    live.enter(page);
    return (this.#live = live);
  }

  #end(): void {
    this.#hasEnded = true;
    this.#live?.unwait(this);
    this.#live?.leave();
    this.#live = undefined;
  }

  /** At the end. */
  #follow(live: LiveStream): Item | undefined | PromiseLike<Item | undefined> {
    const page = live.at(this.#position);
    if (page) {
      this.#position = page.next;
      if (page.isLast) this.#end();
      return page.bytes;
    }
    if (live.hasPassed(this.#position)) return this.#catchUp();
    if (live.end !== undefined) return this.#finish(live.end);
    live.wait(this);
    return (this.#pending = new Pending());
  }

  onMore(): void {
    const pending = this.#pending;
    const live = this.#live;
    if (!pending || !live) return;
    this.#pending = undefined;
    let item;
    try {
      item = this.#follow(live);
    } catch (error) {
      return pending.settle({ error });
    }
    if (item === undefined || typeof item === "string" || item instanceof Uint8Array) return pending.settle({ item });
    item.then(
      (later) => pending.settle({ item: later }),
      (error: unknown) => pending.settle({ error }),
    );
  }

  /** Behind the end: as much as he takes, page by page, from the log. */
  async #catchUp(): Promise<Item | undefined> {
    const { log, name, framing, limits } = this.#options;
    let result;
    try {
      result = await log.read(name, this.#position, limits);
    } catch (error) {
      this.#end();
      throw error;
    }
    if (this.#hasEnded) return undefined;
    if (result.status === "trimmed") {
      this.#end();
      return framing.trimmed(result.info);
    }
    if (result.status !== "page" || result.page.info.generation !== this.#generation) {
      this.#end();
      throw new HttpError(410, "The stream was deleted");
    }
    const { page } = result;
    this.#position = page.next;
    const isEnd = isAtEnd(page);
    if (isEnd && page.info.closed) this.#end();
    const live = this.#live ?? (isEnd && !this.#hasEnded ? this.#enter(page) : undefined);
    // Somebody was faster.
    if (page.messages.length === 0 && live) return this.#follow(live);
    const frames = framing.page(page, null);
    return frames.byteLength === 0 ? undefined : frames;
  }

  /** There is nothing more to come. */
  #finish(end: LiveEnd): Item | undefined {
    const { framing } = this.#options;
    this.#end();
    if (typeof end === "object" && "trimmed" in end) return framing.trimmed(end.trimmed);
    if (typeof end === "object") throw end.error;
    throw new HttpError(410, "The stream was deleted");
  }
}
