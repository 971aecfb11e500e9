import { after } from "../core/clocks.ts";
import { afterTurn } from "../core/turn.ts";
import type { EventLog, InfoResult, Page, Position, StreamInfo } from "../logs/event-log.ts";
import type { Framing } from "./frames.ts";
import { MESSAGE_COST_BYTES, pageLimits } from "./page-limits.ts";
import { isChanged } from "./read-stream.ts";
import type { StreamWatches } from "./stream-watches.ts";

/** So much is read at a time for all who are at the end. */
const PAGE_LIMITS = pageLimits(64 * 1024);
/** What was framed last is kept for those who are a little behind: so many bytes of frames, with what they cost. */
const KEPT_BYTES = 256 * 1024;
/** Handing out that took less leaves time enough for all else, in ms. */
const BRIEF_MS = 1;
/** So long is handed out in one turn of the event loop, in ms; the clock is looked at after so many. */
const SHARE_MS = 10;
const LISTENERS_PER_LOOK = 16;
/** After handing out there is a rest as long as it took, at most so long, in ms. */
const MAX_REST_MS = 100;

/** Messages as they are sent to all who are at `from`. */
export interface FramedPage {
  readonly from: Position;
  readonly next: Position;
  readonly bytes: Uint8Array;
  /** The stream has ended with it. */
  readonly isLast: boolean;
}

/** Why there is nothing more. */
export type LiveEnd = "missing" | "gone" | { readonly trimmed: StreamInfo } | { readonly error: unknown };

/** Who waits for more. */
export interface LiveListener {
  /** Called once for each time that he has begun to wait. */
  onMore(): void;
}

/**
 * The end of a stream, for all who have reached it: what is appended is read and framed once, however many they are. Who is
 * further behind reads the log himself.
 *
 * What comes faster than it can be handed out is handed out together: between two times there is a rest, in which all else of the
 * process has its turn, and what is appended meanwhile gathers in the log.
 */
export class LiveStream {
  readonly #log: EventLog;
  readonly #watches: StreamWatches;
  readonly #name: string;
  readonly #framing: Framing;
  readonly #onUnused: () => void;
  #waiting = new Set<LiveListener>();
  /** Those who are being told. */
  #told = new Set<LiveListener>();
  #readers = 0;
  /** By where they begin, oldest first. */
  readonly #pages = new Map<Position, FramedPage>();
  #keptBytes = 0;
  #next: Position | undefined;
  #generation = "";
  #end: LiveEnd | undefined;
  #unwatch: (() => void) | undefined;
  /** Reads, or hands out. */
  #isBusy = false;
  #readAgain = false;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #restsUntil = 0;

  constructor(log: EventLog, watches: StreamWatches, name: string, framing: Framing, onUnused: () => void) {
    this.#log = log;
    this.#watches = watches;
    this.#name = name;
    this.#framing = framing;
    this.#onUnused = onUnused;
  }

  get end(): LiveEnd | undefined {
    return this.#end;
  }

  /** Somebody has come to the end of what there was. */
  enter({ info, next }: Page): void {
    this.#readers++;
    if (this.#unwatch) return;
    this.#next = next;
    this.#generation = info.generation;
    this.#unwatch = this.#watches.add(this.#name, (known) => this.#onChange(known));
    // What was appended since he has read.
    void this.#readMore();
  }

  leave(): void {
    this.#readers--;
    if (this.#readers > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#pages.clear();
    this.#keptBytes = 0;
    this.#onUnused();
  }

  /** @returns undefined where none begins there: it is further back, or not there yet */
  at(position: Position): FramedPage | undefined {
    return this.#pages.get(position);
  }

  /** Whether what is behind a position has been framed, or was before it could be. */
  hasPassed(position: Position): boolean {
    return this.#next !== undefined && position < this.#next;
  }

  /** Tells once, when there is more, or an end. */
  wait(listener: LiveListener): void {
    this.#waiting.add(listener);
  }

  unwait(listener: LiveListener): void {
    this.#waiting.delete(listener);
    this.#told.delete(listener);
  }

  #onChange(known: InfoResult | undefined): void {
    const next = this.#next;
    if (known && next !== undefined && !isChanged(known, next, this.#generation)) return;
    if (this.#rest !== undefined) return;
    const restMs = this.#restsUntil === 0 ? 0 : this.#restsUntil - performance.now();
    if (restMs <= 0) return void this.#readMore();
    this.#rest = after(restMs, () => {
      this.#rest = undefined;
      void this.#readMore();
    });
  }

  async #readMore(): Promise<void> {
    if (this.#isBusy) {
      this.#readAgain = true;
      return;
    }
    this.#isBusy = true;
    this.#readAgain = false;
    if (await this.#readOnce()) this.#handOut();
    else this.#goOn();
  }

  /** @returns whether there is something to be told */
  async #readOnce(): Promise<boolean> {
    const position = this.#next;
    if (position === undefined || this.#end !== undefined) return false;
    try {
      const result = await this.#log.read(this.#name, position, PAGE_LIMITS);
      if (result.status === "trimmed") this.#end = { trimmed: result.info };
      else if (result.status !== "page") this.#end = result.status;
      // Another stream has taken its name.
      else if (result.page.info.generation !== this.#generation) this.#end = "missing";
      else return this.#take(result.page);
    } catch (error) {
      this.#end = { error };
    }
    return true;
  }

  #take(page: Page): boolean {
    const { info, messages, from, next } = page;
    const isLast = info.closed && next === info.next;
    if (messages.length === 0 && !isLast) return false;
    if (next < info.next) this.#readAgain = true;
    this.#keep({ from, next, bytes: this.#framing.page(page, null), isLast });
    this.#next = next;
    return true;
  }

  #keep(page: FramedPage): void {
    this.#pages.set(page.from, page);
    this.#keptBytes += costOf(page);
    for (const [from, oldest] of this.#pages) {
      if (this.#keptBytes <= KEPT_BYTES || oldest === page) break;
      this.#pages.delete(from);
      this.#keptBytes -= costOf(oldest);
    }
  }

  /** Tells all who wait. Those who are told wait again at once, for what comes next. */
  #handOut(): void {
    this.#told = this.#waiting;
    this.#waiting = new Set();
    this.#tell(this.#told.values(), 0);
  }

  /** @param tookMs - what has been spent on it in earlier turns of the event loop */
  #tell(listeners: Iterator<LiveListener>, tookMs: number): void {
    const beganAt = performance.now();
    let spentMs = 0;
    for (let count = 1, next = listeners.next(); !next.done; count++, next = listeners.next()) {
      next.value.onMore();
      if (count % LISTENERS_PER_LOOK > 0) continue;
      spentMs = performance.now() - beganAt;
      // Thousands who are told must not keep all others waiting.
      if (spentMs > SHARE_MS) return afterTurn(() => this.#tell(listeners, tookMs + spentMs));
    }
    const endedAt = performance.now();
    const allMs = tookMs + endedAt - beganAt;
    this.#restsUntil = allMs < BRIEF_MS ? 0 : endedAt + Math.min(allMs, MAX_REST_MS);
    this.#goOn();
  }

  #goOn(): void {
    this.#told.clear();
    this.#isBusy = false;
    if (this.#readAgain && this.#unwatch && this.#end === undefined) this.#onChange(undefined);
  }
}

/** Beside its bytes there is the page, and its place. */
function costOf({ bytes }: FramedPage): number {
  return bytes.byteLength + 4 * MESSAGE_COST_BYTES;
}
