import { after } from "../core/clocks.ts";
import { type Item, Pending, type Puller, isPromiseLike } from "../core/puller.ts";

/** A source that ends after a while, between two items. */
export class TimeLimit implements Puller {
  readonly #puller: Puller;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: Pending | undefined;
  #isOver = false;

  constructor(puller: Puller, ms: number) {
    this.#puller = puller;
    this.#timer = after(ms, this.#onOver);
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    if (this.#isOver) return undefined;
    const item = this.#puller.pull();
    if (!isPromiseLike(item)) {
      if (item === undefined) this.#stop();
      return item;
    }
    const waiting = new Pending();
    this.#waiting = waiting;
    item.then(
      (value) => this.#settle(waiting, { item: value }),
      (error: unknown) => this.#settle(waiting, { error }),
    );
    return waiting;
  }

  cancel(reason: unknown): void {
    const wasOver = this.#isOver;
    this.#stop();
    if (!wasOver) this.#puller.cancel(reason);
  }

  readonly #onOver = (): void => {
    if (this.#isOver) return;
    const waiting = this.#waiting;
    this.#stop();
    this.#puller.cancel(new DOMException("The time is over", "TimeoutError"));
    waiting?.settle({ item: undefined });
  };

  #settle(waiting: Pending, result: { item: Item | undefined } | { error: unknown }): void {
    if (this.#waiting !== waiting) return;
    this.#waiting = undefined;
    if (!("item" in result) || result.item === undefined) this.#stop();
    waiting.settle(result);
  }

  #stop(): void {
    this.#isOver = true;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
  }
}
