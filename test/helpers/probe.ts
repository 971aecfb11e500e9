import type { Outcome, SourceContext } from "../../src/index.ts";
import { until } from "./deadline.ts";

/** Watches one source and one response: what was pulled, whether it was told to stop, how it ended. */
export class Probe {
  /** Items that were asked for. */
  pulled = 0;
  /** Bytes that were given. */
  producedBytes = 0;
  /** `finally` has run. */
  finished = false;
  outcome: Outcome | undefined;
  #signal: AbortSignal | undefined;

  /** The source's signal has been aborted. */
  get aborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  get abortReason(): unknown {
    return this.#signal?.reason;
  }

  /** For `onFinish`. */
  readonly onFinish = (outcome: Outcome): void => {
    if (this.outcome) throw new Error("A response has exactly one outcome");
    this.outcome = outcome;
  };

  /** Gives `items`, one by one, each in a later turn of the event loop. */
  async *items<T extends string | Uint8Array>(
    items: readonly T[],
    { signal }: Partial<SourceContext> = {},
  ): AsyncGenerator<T> {
    this.#signal = signal;
    try {
      for (const item of items) {
        this.pulled++;
        await new Promise((resolve) => setImmediate(resolve));
        this.producedBytes += typeof item === "string" ? Buffer.byteLength(item) : item.byteLength;
        yield item;
      }
    } finally {
      this.finished = true;
    }
  }

  /** Gives `item` without end, as fast as it is pulled. */
  async *endless(
    item: string | Uint8Array,
    { signal }: Partial<SourceContext> = {},
  ): AsyncGenerator<string | Uint8Array> {
    this.#signal = signal;
    try {
      for (;;) {
        this.pulled++;
        this.producedBytes += item.length;
        yield item;
      }
    } finally {
      this.finished = true;
    }
  }

  /** Gives `item` every `everyMs`, without end. */
  async *ticks(item: string, everyMs: number, { signal }: Partial<SourceContext> = {}): AsyncGenerator<string> {
    this.#signal = signal;
    try {
      for (;;) {
        this.pulled++;
        yield item;
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
    } finally {
      this.finished = true;
    }
  }

  /** Gives `items`, then waits until its signal is aborted, and rejects with its reason, as `fetch` does. */
  async *idle(items: readonly string[], { signal }: SourceContext): AsyncGenerator<string> {
    this.#signal = signal;
    try {
      yield* items;
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    } finally {
      this.finished = true;
    }
  }

  /** Gives `items`, then throws. */
  async *failing(items: readonly string[], error: unknown): AsyncGenerator<string> {
    try {
      for (const item of items) {
        this.pulled++;
        yield item;
        await new Promise((resolve) => setImmediate(resolve));
      }
      throw error;
    } finally {
      this.finished = true;
    }
  }

  async untilFinished(): Promise<void> {
    await until(() => this.finished, "the source's finally");
  }

  async untilOutcome(): Promise<Outcome> {
    await until(() => this.outcome !== undefined, "the response's outcome");
    return this.outcome!;
  }
}
