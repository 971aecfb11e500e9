import { unref } from "../core/clocks.ts";
import type { EventLog, InfoResult } from "../logs/event-log.ts";

/** The longest that a timer takes, in ms: a longer one would fire all the time. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

/** @param known - what the log was found to know; undefined where it has only called */
export type OnChange = (known: InfoResult | undefined) => void;

/**
 * Those who wait for streams to change. What the log calls is a hint, which may be lost: so it is asked, too, now and then, by one
 * timer for all who wait for a stream. Asking is no use of the stream: a time to live goes on.
 */
export class StreamWatches {
  readonly #log: EventLog;
  readonly #intervalMs: number;
  readonly #watched = new Map<string, Watched>();
  #isClosed = false;

  /** @param intervalMs - between two questions; 0: none are asked */
  constructor(log: EventLog, intervalMs: number) {
    this.#log = log;
    this.#intervalMs = intervalMs;
  }

  /** Nobody is to be kept waiting any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    for (const watched of this.#watched.values()) watched.tell(undefined);
  }

  /** @returns stops it */
  add(name: string, listener: OnChange): () => void {
    let watched = this.#watched.get(name);
    if (!watched) this.#watched.set(name, (watched = new Watched(this.#log, name, this.#intervalMs)));
    const { listeners } = watched;
    // Two may be the same function.
    const entry = { listener };
    listeners.add(entry);
    return () => {
      if (!listeners.delete(entry) || listeners.size > 0) return;
      watched.stop();
      this.#watched.delete(name);
    };
  }
}

/** One stream that somebody waits for. */
class Watched {
  readonly listeners = new Set<{ readonly listener: OnChange }>();
  readonly #log: EventLog;
  readonly #name: string;
  readonly #unwatch: () => void;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #isAsking = false;

  constructor(log: EventLog, name: string, intervalMs: number) {
    this.#log = log;
    this.#name = name;
    this.#unwatch = log.watch(name, () => this.tell(undefined));
    if (intervalMs > 0 && intervalMs <= MAX_INTERVAL_MS)
      this.#timer = unref(setInterval(() => void this.#ask(), intervalMs));
  }

  stop(): void {
    this.#unwatch();
    clearInterval(this.#timer);
  }

  tell(known: InfoResult | undefined): void {
    // Who begins to wait meanwhile has just looked, and who has gone does not want to know.
    for (const entry of Array.from(this.listeners)) if (this.listeners.has(entry)) entry.listener(known);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.tell(await this.#log.info(this.#name));
    } catch {
      // Next time, perhaps.
    } finally {
      this.#isAsking = false;
    }
  }
}
