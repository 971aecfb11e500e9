import { unref } from "../../../core/clocks.ts";
import { HttpError, SluiceError } from "../../../errors.ts";
import { ReaderProcess } from "./reader-process.ts";

/** How long a reader without work is kept for the next query, in ms: a new one takes tens of ms to start. */
const IDLE_MS = 10_000;
const MAX_IDLE = 2;
const RETRY_AFTER_SECONDS = "1";

/** The readers of one database: each query has one for itself. */
export class ReaderPool {
  readonly #path: string;
  readonly #maxReaders: number;
  readonly #busy = new Set<ReaderProcess>();
  readonly #idle = new Map<ReaderProcess, ReturnType<typeof setTimeout>>();
  /** Killed, but not gone yet. */
  readonly #leaving = new Set<Promise<unknown>>();
  #closed = false;
  #onceUnused: (() => void) | undefined;

  constructor(path: string, maxReaders: number) {
    this.#path = path;
    this.#maxReaders = maxReaders;
  }

  /** @throws HttpError 503 where all are busy; SluiceError `ERR_DATABASE` after it was closed */
  take(): ReaderProcess {
    if (this.#closed) throw new SluiceError("ERR_DATABASE", "The database was closed");
    if (this.#busy.size >= this.#maxReaders) {
      throw new HttpError(503, "Too many queries are running", { headers: { "Retry-After": RETRY_AFTER_SECONDS } });
    }
    const reader = this.#takeIdle() ?? new ReaderProcess(this.#path);
    this.#busy.add(reader);
    reader.setRef(true);
    return reader;
  }

  /** Its query has ended, and it waits for the next. */
  giveBack(reader: ReaderProcess): void {
    if (!this.#busy.delete(reader)) return;
    if (this.#closed || this.#idle.size >= MAX_IDLE || reader.ended) this.#kill(reader);
    else {
      reader.setRef(false);
      reader.isReused = true;
      this.#idle.set(reader, unref(setTimeout(() => this.#expire(reader), IDLE_MS)));
    }
    this.#checkUnused();
  }

  /** Its query is to stop, now. */
  kill(reader: ReaderProcess): void {
    if (!this.#busy.delete(reader)) return;
    this.#kill(reader);
    this.#checkUnused();
  }

  /** Takes no more queries; resolves when those that run have ended, and every reader is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const reader of this.#idle.keys()) this.#expire(reader);
    if (this.#busy.size > 0) {
      const earlier = this.#onceUnused;
      await new Promise<void>((resolve) => {
        this.#onceUnused = () => {
          earlier?.();
          resolve();
        };
      });
    }
    await Promise.all(this.#leaving);
  }

  /** As {@link close}, without waiting for the queries that run. */
  async destroy(): Promise<void> {
    const closed = this.close();
    for (const reader of this.#busy) this.kill(reader);
    await closed;
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

  #checkUnused(): void {
    if (this.#busy.size === 0) this.#onceUnused?.();
  }
}
