import type { InterruptedError } from "../download-error.ts";
import { FollowError } from "./follow-error.ts";
import type { ResolvedFollowOptions } from "./follow-options.ts";

/** A connection that has stood for so long was sound, also where there was nothing to say, in ms. */
const SOUND_MS = 10_000;
/** A server that wants to be left alone for longer is better asked by hand, in ms. */
const MAX_WAIT_MS = 3_600_000;

/** When to connect again, and when to give up. */
export class Reconnection {
  readonly #options: ResolvedFollowOptions;
  #failures = 0;
  #retryMs: number | undefined;

  constructor(options: ResolvedFollowOptions) {
    this.#options = options;
  }

  /** Something new has come: earlier failures are forgotten. */
  advance(): void {
    this.#failures = 0;
  }

  /** The server says how long to wait. */
  set retryMs(ms: number) {
    this.#retryMs = Math.min(ms, MAX_WAIT_MS);
  }

  /**
   * How long to wait behind a body that has ended as it should: not at all where it took long enough.
   *
   * @returns ms
   */
  afterEnd(stoodMs: number): number {
    this.#failures = 0;
    return this.#retryMs === undefined ? Math.max(0, this.#delayMs(0) - stoodMs) : this.#delayMs(0);
  }

  /**
   * How long to wait after a failure: exponentially longer, and up to half as long again at random, so that the readers of a server
   * that was away do not come back all at once. What the server asks for counts instead.
   *
   * @returns ms
   * @throws FollowError `unreachable`
   */
  afterFailure(error: InterruptedError, stoodMs: number): number {
    if (stoodMs >= SOUND_MS) this.#failures = 0;
    const { retryAfterMs } = error;
    if (++this.#failures > this.#options.retries || (retryAfterMs ?? 0) > MAX_WAIT_MS) {
      const attempts = this.#failures > 1 ? ` (attempt ${this.#failures} without anything new)` : "";
      throw new FollowError("unreachable", error.message + attempts, { cause: error });
    }
    const delayMs = retryAfterMs ?? this.#delayMs(this.#failures - 1);
    this.#options.onRetry(error, delayMs);
    return delayMs;
  }

  #delayMs(exponent: number): number {
    const { reconnectionMs, maxDelayMs } = this.#options;
    const firstMs = this.#retryMs ?? reconnectionMs;
    return Math.min(firstMs * 2 ** exponent, Math.max(firstMs, maxDelayMs)) * (1 + Math.random() / 2);
  }
}

/** @throws the signal's reason */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
