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
export class EmptyAnswer extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`An answer without a body: ${status}`);
    this.status = status;
  }
}

export type PullResult = { item: Item | undefined } | { error: unknown };

/**
 * The result of a pull that comes later: a promise for one listener, as light as it can be. An idle stream consists of one
 * that waits, and one event for thousands of readers settles thousands of them.
 */
export class Pending implements PromiseLike<Item | undefined> {
  #onItem: ((item: Item | undefined) => unknown) | null | undefined;
  #onError: ((error: unknown) => unknown) | null | undefined;
  #result: PullResult | undefined;

  /** Unlike a promise's, the listener may be called at once, and nothing is returned to go on with. */
  // oxlint-disable-next-line unicorn/no-thenable -- it is one on purpose
  then(onItem?: ((item: Item | undefined) => unknown) | null, onError?: ((error: unknown) => unknown) | null): never {
    this.#onItem = onItem;
    this.#onError = onError;
    if (this.#result) this.settle(this.#result);
    return undefined as never;
  }

  settle(result: PullResult): void {
    if (this.#onItem === undefined) this.#result = result;
    else if ("error" in result) this.#onError?.(result.error);
    else this.#onItem?.(result.item);
  }
}

/** A source that is still being made. */
export class DeferredPuller implements Puller {
  readonly #opening: PromiseLike<Puller>;
  readonly #watch: (() => () => void) | undefined;
  #puller: Puller | undefined;
  #pulling = false;
  #cancelled: { reason: unknown } | undefined;

  /** @param watch - called when the source is cancelled before it is there; what it returns is called when it has come */
  constructor(opening: PromiseLike<Puller>, watch?: () => () => void) {
    this.#opening = opening;
    this.#watch = watch;
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
    if (this.#puller) return this.#puller.cancel(reason);
    const come = this.#watch?.();
    if (come) this.#opening.then(come, come);
    if (this.#pulling) this.#cancelled = { reason };
    else
      this.#opening.then(
        (puller) => puller.cancel(reason),
        () => {},
      );
  }
}
