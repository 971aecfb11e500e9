import type { Item } from "./gather.ts";

export type { Item } from "./gather.ts";

/**
 * A source that is running, as the pump sees it. Whatever has bytes to send is brought into this form.
 *
 * `pull` is called again only after the result before it has settled. It may throw, or reject: the body has failed then.
 */
export interface Puller {
  /** The next item, at once where it is at hand; `undefined` is the end. */
  pull(): Item | undefined | PromiseLike<Item | undefined>;
  /**
   * Stops the source, whatever state it is in, also while a pull is pending (whose result is no longer looked at).
   * Called at most once, and not after the end. Must not throw.
   */
  cancel(reason: unknown): void;
  /** What a generator returned at its end; undefined before, and for other sources. */
  readonly returned?: unknown;
  /** Only on a source without an end of its own: it is to say goodbye and end soon. */
  drain?(): void;
}

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";
}

/** Thrown by a pull before the first item: the answer has no body, and this status (204: a reader need not come back). */
export class EmptyAnswer {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/** A source that is still being made. */
export class DeferredPuller implements Puller {
  readonly #opening: PromiseLike<Puller>;
  #puller: Puller | undefined;
  #pulling = false;
  #cancelled: { reason: unknown } | undefined;

  constructor(opening: PromiseLike<Puller>) {
    this.#opening = opening;
  }

  get returned(): unknown {
    return this.#puller?.returned;
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    if (this.#puller) return this.#puller.pull();
    this.#pulling = true;
    return this.#opening.then((puller) => {
      this.#puller = puller;
      if (this.#cancelled) {
        puller.cancel(this.#cancelled.reason);
        return undefined;
      }
      return puller.pull();
    });
  }

  cancel(reason: unknown): void {
    if (this.#puller) this.#puller.cancel(reason);
    else if (this.#pulling) this.#cancelled = { reason };
    else
      this.#opening.then(
        (puller) => puller.cancel(reason),
        () => {},
      );
  }
}
