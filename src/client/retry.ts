import { parseHttpDate } from "../http/validators.ts";

const FIRST_DELAY_MS = 500;
/** A server that wants to be left alone for longer is better asked by hand. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface RetryOptions {
  /** Failures in a row, without a byte more in between, that are followed by another attempt. */
  readonly retries: number;
  /** The longest time between two attempts, unless the server asks for more. */
  readonly maxDelayMs: number;
}

/** When to try again, and when to give up. */
export class RetryPolicy {
  readonly #options: RetryOptions;
  readonly #random: () => number;
  #failures = 0;
  #restarts = 0;
  #furthestBytes = 0;

  /** @param random - from 0 up to 1 */
  constructor(options: RetryOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** How many failures there were in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Only bytes that were never there before are progress: they make earlier failures forgotten. */
  advance(receivedBytes: number): void {
    if (receivedBytes <= this.#furthestBytes) return;
    this.#furthestBytes = receivedBytes;
    this.#failures = 0;
  }

  /**
   * What is there is of no use: the first byte counts as progress again. That alone would go on for ever where every
   * answer has another validator, so beginnings are counted for themselves.
   *
   * @returns false: enough
   */
  restart(): boolean {
    this.#furthestBytes = 0;
    return ++this.#restarts <= this.#options.retries;
  }

  /**
   * How long to wait after a failure, in ms: exponentially longer, and half of it at random, so that the clients of a server
   * that was away do not come back all at once. What the server asks for counts instead.
   *
   * @returns undefined: give up
   */
  fail(retryAfterMs?: number): number | undefined {
    if (++this.#failures > this.#options.retries) return undefined;
    if (retryAfterMs !== undefined) return retryAfterMs > MAX_RETRY_AFTER_MS ? undefined : retryAfterMs;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), this.#options.maxDelayMs);
    return (delayMs / 2) * (1 + this.#random());
  }
}

/** `Retry-After` (RFC 9110 §10.2.3), seconds or a date, in ms from now; undefined for none. */
export function parseRetryAfter(field: string | null, nowMs: number = Date.now()): number | undefined {
  if (field === null) return undefined;
  if (/^\d+$/u.test(field)) return Number(field) * 1000;
  const dateMs = parseHttpDate(field, nowMs);
  return dateMs === undefined ? undefined : Math.max(0, dateMs - nowMs);
}
