import { IdleTimer, after } from "../core/clocks.ts";
import { EmptyAnswer, type Item, Pending, type PullResult, type Puller, isPromiseLike } from "../core/puller.ts";
import { formatComment, formatRetry } from "./event-codec.ts";

export interface EventPumpOptions {
  /** Silence until a comment keeps the connection open, in ms; 0 never. */
  keepAliveMs: number;
  /** Silence at the start until a first comment makes the head be sent, in ms. */
  commitAfterMs: number;
  /** The reconnection time that readers are told at the start, in ms. */
  retryMs: number | undefined;
  /** From 0 to 1: spreads the reconnections after a drain. */
  random?: () => number;
}

const OPENING = `${formatComment("open")}\n`;
const KEEP_ALIVE = `${formatComment("keep-alive")}\n`;
const DEFAULT_DRAIN_RETRY_MS = 1000;

/**
 * An event stream's frames, with what the source does not say: the reconnection time, comments in its silence, and a goodbye.
 * Pure but for its timers.
 */
export class EventPump implements Puller {
  readonly #frames: Puller;
  readonly #options: EventPumpOptions;
  #preface: string;
  #started = false;
  #farewell: string | undefined;
  #ended = false;
  /** A pull of the source is pending; it goes on while comments are sent. */
  #pending = false;
  /** What that pull gave while nobody waited for it. */
  #arrived: PullResult | undefined;
  /** The pull that waits. */
  #waiting: Pending | undefined;
  #firstComment: ReturnType<typeof setTimeout> | undefined;
  readonly #silence: IdleTimer;

  /** @param frames - the source, encoded: one item an event */
  constructor(frames: Puller, options: EventPumpOptions) {
    this.#frames = frames;
    this.#options = options;
    this.#preface = options.retryMs === undefined ? "" : `${formatRetry(options.retryMs)}\n`;
    this.#silence = new IdleTimer(options.keepAliveMs, () => this.#say(KEEP_ALIVE));
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    if (this.#farewell !== undefined) {
      const farewell = this.#farewell;
      this.#farewell = undefined;
      return farewell;
    }
    if (this.#ended) return undefined;
    if (this.#arrived) {
      const arrived = this.#arrived;
      this.#arrived = undefined;
      if ("error" in arrived) {
        this.#end();
        throw arrived.error;
      }
      return this.#give(arrived.item);
    }
    if (!this.#pending) {
      let item;
      try {
        item = this.#frames.pull();
      } catch (error) {
        this.#end();
        throw error;
      }
      if (!isPromiseLike(item)) return this.#give(item);
      this.#pending = true;
      item.then(this.#onItem, this.#onError);
    }
    if (this.#started) this.#silence.arm();
    else this.#firstComment ??= after(this.#options.commitAfterMs, this.#onLateStart);
    return (this.#waiting = new Pending());
  }

  cancel(reason: unknown): void {
    this.#waiting = undefined;
    if (!this.#ended) this.#frames.cancel(reason);
    this.#end();
  }

  /**
   * Says goodbye: readers come back after a while of their own, so that they do not come all at once, and the stream ends
   * cleanly.
   */
  drain(): void {
    if (this.#ended) return;
    const { retryMs = DEFAULT_DRAIN_RETRY_MS, random = Math.random } = this.#options;
    const farewell = `${formatRetry(Math.round(retryMs * (1 + 2 * random())))}\n`;
    this.#end();
    this.#frames.cancel(new DOMException("The server is shutting down", "AbortError"));
    if (this.#waiting) this.#answer(farewell);
    else this.#farewell = farewell;
  }

  /** The end, or an item with what goes before the first. */
  #give(item: Item | undefined): Item | undefined {
    if (item === undefined) {
      this.#end();
      if (this.#frames.returned === null && !this.#started) throw new EmptyAnswer(204);
      return undefined;
    }
    if (!this.#started && item.length > 0) {
      this.#started = true;
      this.#stopFirstComment();
      if (this.#preface !== "") {
        const preface = this.#preface;
        this.#preface = "";
        if (typeof item === "string") return preface + item;
        this.#arrived = { item };
        return preface;
      }
    }
    return item;
  }

  #say(comment: string): void {
    if (this.#waiting) this.#answer(this.#give(comment));
  }

  readonly #onLateStart = (): void => this.#say(OPENING);

  #answer(item: Item | undefined): void {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    this.#silence.disarm();
    waiting.settle({ item });
  }

  readonly #onItem = (item: Item | undefined): void => {
    this.#pending = false;
    if (!this.#waiting) {
      if (!this.#ended) this.#arrived = { item };
      return;
    }
    let given;
    try {
      given = this.#give(item);
    } catch (error) {
      return this.#reject(error);
    }
    this.#answer(given);
  };

  readonly #onError = (error: unknown): void => {
    this.#pending = false;
    if (this.#waiting) this.#reject(error);
    else if (!this.#ended) this.#arrived = { error };
  };

  #reject(error: unknown): void {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    this.#end();
    waiting.settle({ error });
  }

  /** Nothing but a farewell comes after this. */
  #end(): void {
    this.#ended = true;
    this.#stopFirstComment();
    this.#silence.clear();
  }

  #stopFirstComment(): void {
    if (this.#firstComment === undefined) return;
    clearTimeout(this.#firstComment);
    this.#firstComment = undefined;
  }
}
