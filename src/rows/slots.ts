import { HttpError, SluiceError } from "../errors.ts";
import { optionError } from "../http/response-options.ts";

export interface SlotOptions {
  /**
   * Queries that run at a time; more are answered with 503.
   * @defaultValue 16
   */
  maxQueries?: number | undefined;
  /**
   * Queries of one caller that run at a time; more are answered with 503.
   * @defaultValue all of `maxQueries`
   */
  maxQueriesPerCaller?: number | undefined;
  /**
   * How long a query waits for others to end, in ms, before it is answered with 503.
   * @defaultValue 0
   */
  maxWaitMs?: number | undefined;
}

interface Waiter {
  caller: string | undefined;
  grant: (release: () => void) => void;
}

const RETRY_AFTER_SECONDS = "1";

/** Says who may run a query, so that no caller, and not all of them together, run more than there is room for. */
export class Slots {
  readonly #maxQueries: number;
  readonly #maxPerCaller: number;
  readonly #maxWaitMs: number;
  readonly #taken = new Map<string | undefined, number>();
  readonly #waiters = new Set<Waiter>();
  #total = 0;
  #closed = false;
  #onceFree: (() => void)[] = [];

  /** @throws SluiceTypeError `ERR_INVALID_OPTION` */
  constructor({ maxQueries = 16, maxQueriesPerCaller = maxQueries, maxWaitMs = 0 }: SlotOptions) {
    for (const [name, value] of Object.entries({ maxQueries, maxQueriesPerCaller })) {
      if (!Number.isSafeInteger(value) || value < 1) throw optionError(name, "an integer ≥ 1", value);
    }
    if (!(maxWaitMs >= 0)) throw optionError("maxWaitMs", "a number of ms ≥ 0", maxWaitMs);
    this.#maxQueries = maxQueries;
    this.#maxPerCaller = maxQueriesPerCaller;
    this.#maxWaitMs = maxWaitMs;
  }

  /** Queries that run. */
  get total(): number {
    return this.#total;
  }

  /**
   * Takes a slot.
   *
   * @returns gives it back; only the first call counts
   * @throws HttpError 503 where there is none in time; SluiceError `ERR_DATABASE` after {@link close}; the signal's reason
   */
  async take(caller: string | undefined, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#closed) throw new SluiceError("ERR_DATABASE", "The database was closed");
    if (this.#hasRoomFor(caller)) return this.#grant(caller);
    if (this.#maxWaitMs === 0) throw this.#refusal(caller);
    return this.#wait(caller, signal);
  }

  /** Gives no more slots. Resolves when all are back. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#total > 0) await new Promise<void>((resolve) => this.#onceFree.push(resolve));
  }

  #hasRoomFor(caller: string | undefined): boolean {
    if (this.#total >= this.#maxQueries) return false;
    return caller === undefined || (this.#taken.get(caller) ?? 0) < this.#maxPerCaller;
  }

  #grant(caller: string | undefined): () => void {
    this.#total++;
    this.#taken.set(caller, (this.#taken.get(caller) ?? 0) + 1);
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      this.#release(caller);
    };
  }

  #release(caller: string | undefined): void {
    this.#total--;
    const left = this.#taken.get(caller)! - 1;
    if (left === 0) this.#taken.delete(caller);
    else this.#taken.set(caller, left);
    for (const waiter of this.#waiters) {
      if (this.#closed || !this.#hasRoomFor(waiter.caller)) continue;
      this.#waiters.delete(waiter);
      waiter.grant(this.#grant(waiter.caller));
    }
    if (this.#total === 0) for (const resolve of this.#onceFree.splice(0)) resolve();
  }

  #wait(caller: string | undefined, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        caller,
        grant: (release) => {
          end();
          resolve(release);
        },
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        end();
        reject(this.#refusal(caller));
      }, this.#maxWaitMs);
      signal.addEventListener("abort", onAbort);
      this.#waiters.add(waiter);
    });
  }

  #refusal(caller: string | undefined): HttpError {
    const whose =
      this.#total >= this.#maxQueries ? "Too many queries are running" : `Too many queries of ${caller} are running`;
    return new HttpError(503, whose, { headers: { "Retry-After": RETRY_AFTER_SECONDS } });
  }
}
