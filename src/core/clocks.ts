/** Timers of this library keep no process alive: sockets do. */
export function unref<T>(timer: T): T {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** The longest time that a timer takes, in ms: a longer one fires at once, with a warning. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs `task` after `ms`; never, where that is Infinity or longer than a timer takes (24 days). Cleared as any timer. */
export function after(ms: number, task: () => void): ReturnType<typeof setTimeout> | undefined {
  return ms > MAX_TIMER_MS ? undefined : unref(setTimeout(task, ms));
}

/**
 * A deadline that moves often and passes seldom: moving it costs one assignment, and one timer serves it for life.
 * Armed again after it has fired.
 */
export class IdleTimer {
  readonly #ms: number;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;

  /** @param ms - 0 or Infinity turns it off */
  constructor(ms: number, onIdle: () => void) {
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  /** From now on, `ms` until `onIdle`. */
  arm(): void {
    if (this.#ms <= 0 || this.#ms === Infinity) return;
    this.#dueAt = performance.now() + this.#ms;
    this.#timer ??= this.#start(this.#ms);
  }

  /** Not until it is armed again; the timer itself may run out in its own time. */
  disarm(): void {
    this.#dueAt = Infinity;
  }

  /** For good: no timer is left behind. */
  clear(): void {
    this.#dueAt = Infinity;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(ms: number): ReturnType<typeof setTimeout> {
    // A longer wait is looked at in between.
    return unref(setTimeout(this.#onTimer, Math.min(ms, MAX_TIMER_MS)));
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#dueAt === Infinity) return;
    // A timer may fire up to 1 ms early.
    const rest = this.#dueAt - performance.now();
    if (rest > 1) this.#timer = this.#start(Math.ceil(rest));
    else {
      this.#dueAt = Infinity;
      this.#onIdle();
    }
  };
}
