import { unref } from "../../core/clocks.ts";
import { type SlotOptions, Slots } from "../slots.ts";
import { type ReaderProgram, ReaderProcess } from "./reader-process.ts";

export interface ReaderPoolOptions extends SlotOptions {
  /**
   * Reader processes that are kept started, so that a query need not wait for one (some 50 ms).
   * @defaultValue 0: the first query starts one, which is kept for 10 s after its last
   */
  warmReaders?: number | undefined;
}

/** How long a reader without work is kept for the next query, in ms: a new one takes tens of ms to start. */
const IDLE_MS = 10_000;
const MAX_IDLE = 2;
/**
 * How long after a query began, or ended, a reader is started for the next one, in ms. To start a process holds this one up for
 * some 10 ms, and its beginning takes a core from the query.
 */
const WARM_AFTER_MS = 100;

/** A reader that serves one query. Exactly one of `giveBack` and `kill` ends it; only the first call counts. */
export interface ReaderLoan {
  readonly reader: ReaderProcess;
  /** Whether the reader waited for work before: one that died meanwhile is found so only when it is asked. */
  readonly wasIdle: boolean;
  /** The query has ended, and the reader waits for the next. */
  giveBack(): void;
  /** The query is to stop, now. */
  kill(): void;
}

/** The readers of one database: each query has one for itself. */
export class ReaderPool {
  readonly #program: ReaderProgram;
  readonly #slots: Slots;
  readonly #warmReaders: number;
  readonly #busy = new Map<ReaderProcess, ReaderLoan>();
  /** Waiting for work. Those beyond `warmReaders` have a timer. */
  readonly #idle = new Map<ReaderProcess, ReturnType<typeof setTimeout> | undefined>();
  /** Killed, but not gone yet. */
  readonly #leaving = new Set<Promise<unknown>>();
  #warming: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #killed = 0;

  constructor(program: ReaderProgram, options: ReaderPoolOptions) {
    this.#program = program;
    this.#slots = new Slots(options);
    this.#warmReaders = options.warmReaders ?? 0;
    this.#warm();
  }

  /** Queries that run now. */
  get running(): number {
    return this.#slots.total;
  }

  /** Readers that were killed because their query was to stop. */
  get killed(): number {
    return this.#killed;
  }

  /** @throws HttpError 503 where all are busy; SluiceError `ERR_DATABASE` after it was closed; the signal's reason */
  async take(caller: string | undefined, signal: AbortSignal): Promise<ReaderLoan> {
    const release = await this.#slots.take(caller, signal);
    try {
      const idle = this.#takeIdle();
      return this.#lend(idle ?? new ReaderProcess(this.#program), idle !== undefined, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Takes no more queries; resolves when those that run have ended, and every reader is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = this.#slots.close();
    for (const reader of this.#idle.keys()) this.#expire(reader);
    await ended;
    await Promise.all(this.#leaving);
  }

  /** As {@link close}, without waiting for the queries that run. */
  async destroy(): Promise<void> {
    const closed = this.close();
    for (const loan of this.#busy.values()) loan.kill();
    await closed;
  }

  #lend(reader: ReaderProcess, wasIdle: boolean, release: () => void): ReaderLoan {
    const end = (how: () => void): void => {
      if (!this.#busy.delete(reader)) return;
      how();
      release();
      this.#warmSoon();
    };
    const loan: ReaderLoan = {
      reader,
      wasIdle,
      giveBack: () => end(() => this.#keep(reader)),
      kill: () =>
        end(() => {
          this.#killed++;
          this.#kill(reader);
        }),
    };
    this.#busy.set(reader, loan);
    reader.setRef(true);
    this.#warmSoon();
    return loan;
  }

  #keep(reader: ReaderProcess): void {
    if (this.#closed || this.#idle.size >= Math.max(MAX_IDLE, this.#warmReaders) || reader.ended) this.#kill(reader);
    else {
      reader.setRef(false);
      this.#idle.set(
        reader,
        this.#idle.size < this.#warmReaders ? undefined : unref(setTimeout(() => this.#expire(reader), IDLE_MS)),
      );
    }
  }

  #warmSoon(): void {
    if (this.#warming || this.#idle.size >= this.#warmReaders) return;
    this.#warming = unref(setTimeout(() => this.#warm(), WARM_AFTER_MS));
  }

  /** Starts the readers that are to be there before they are needed. */
  #warm(): void {
    clearTimeout(this.#warming);
    this.#warming = undefined;
    while (!this.#closed && this.#idle.size < this.#warmReaders) {
      try {
        const reader = new ReaderProcess(this.#program);
        reader.setRef(false);
        this.#idle.set(reader, undefined);
      } catch {
        // No more files, or processes: the query that needs one will say so.
        return;
      }
    }
  }

  #takeIdle(): ReaderProcess | undefined {
    for (const [reader, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(reader);
      if (!reader.ended) return reader;
    }
    return undefined;
  }

  #expire(reader: ReaderProcess): void {
    clearTimeout(this.#idle.get(reader));
    this.#idle.delete(reader);
    this.#kill(reader);
  }

  #kill(reader: ReaderProcess): void {
    reader.kill();
    const left: Promise<unknown> = reader.exited.then(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }
}
