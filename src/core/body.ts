import { SluiceError } from "../errors.ts";
import { LazySignal, readerLeft } from "./abort.ts";
import { unref } from "./clocks.ts";
import type { BodySource } from "./pump.ts";
import { report } from "./report.ts";
import type { SourceContext } from "./source.ts";

/**
 * How a response ended:
 * - `completed`: every byte was handed to the reader's connection, and the end was marked
 * - `aborted`: the reader left
 * - `failed`: the source threw, or did not keep its `contentLength`
 * - `stalled`: the reader took nothing for `stallTimeoutMs`
 * - `drained`: the process shut down: an event stream was ended, anything else cut
 * - `discarded`: the body was never read (HEAD, 304, a Response that was dropped)
 */
export type OutcomeKind = "completed" | "aborted" | "failed" | "stalled" | "drained" | "discarded";

export interface Outcome {
  readonly outcome: OutcomeKind;
  /** Bytes of the body as sent (after content coding), without framing. */
  readonly bytes: number;
  /** From the response being made to its end, in ms. */
  readonly durationMs: number;
  /** From the response being made to its first byte, in ms; undefined where there was none. */
  readonly firstByteMs: number | undefined;
  /** What was thrown, where `outcome` is `failed`. */
  readonly error?: unknown;
}

export type OnFinish = (outcome: Outcome) => void | Promise<void>;

/** How a body is begun. */
export interface BodyStarter {
  /** Starts the source. Called once, when the first byte is wanted. */
  open(this: void, context: SourceContext): BodySource;
  /** Gives back what is held before `open`. Called instead of it, if at all. */
  discard?(this: void): void;
}

/** What a sender needs to know of a body. The defaults are applied where a body is made. */
export interface BodyOptions {
  /** Bytes, where they are known. More or fewer break the connection. */
  contentLength?: number | undefined;
  /** How long the head waits for the first item, in ms; undefined waits as long as it takes. */
  commitAfterMs?: number | undefined;
  stallTimeoutMs: number;
  /** Whether the bytes may be compressed on the way; undefined leaves it to the listener. */
  compress?: boolean | undefined;
  trailers?: (() => Record<string, string>) | undefined;
  digest?: boolean | undefined;
  /** The small writes of a body that people wait for must not be held back (Nagle). */
  noDelay?: boolean | undefined;
  onFinish?: OnFinish | undefined;
}

/** A Response that is neither sent nor cancelled gives back what it holds after this time, in ms. */
export const DISCARD_AFTER_MS = 30_000;

const bodies = new WeakMap<ReadableStream, Body>();
const unopened = new Map<Body, number>();
let sweeper: ReturnType<typeof setInterval> | undefined;

/**
 * The body behind a `ReadableStream` of ours. It is opened once, by whoever comes first: a sender that knows it natively,
 * or a reader of the stream.
 */
export class Body {
  readonly options: BodyOptions;
  #starter: BodyStarter | undefined;
  readonly #signal = new LazySignal();
  readonly #madeAt = performance.now();
  #firstByteMs: number | undefined;
  #state: "unopened" | "open" | "finished" = "unopened";

  constructor({ open, discard, ...options }: BodyStarter & BodyOptions) {
    this.options = options;
    this.#starter = discard ? { open, discard } : { open };
    unopened.set(this, this.#madeAt + DISCARD_AFTER_MS);
    sweeper ??= startSweeper();
  }

  get opened(): boolean {
    return this.#state !== "unopened";
  }

  /** @throws SluiceError `ERR_BODY_TAKEN` the second time */
  open(): BodySource {
    if (this.#state !== "unopened") {
      throw new SluiceError("ERR_BODY_TAKEN", "This body is already being sent; make a new Response for each request");
    }
    this.#state = "open";
    unopened.delete(this);
    const { open } = this.#starter!;
    // What starting needs is not kept for as long as the body lasts.
    this.#starter = undefined;
    return open(this.#signal);
  }

  /** Aborts the signal that the source was handed. */
  abort(reason: unknown = readerLeft()): void {
    this.#signal.abort(reason);
  }

  /** Lets go of a body that will not be read. */
  discard(): void {
    if (this.#state !== "unopened") return;
    unopened.delete(this);
    const { discard } = this.#starter!;
    this.#starter = undefined;
    discard?.();
    this.finish("discarded", 0);
  }

  firstByte(): void {
    this.#firstByteMs ??= performance.now() - this.#madeAt;
  }

  /** Every body has exactly one outcome: the first call wins. */
  finish(outcome: OutcomeKind, bytes: number, error?: unknown): Outcome | undefined {
    if (this.#state === "finished") return undefined;
    this.#state = "finished";
    const result: Outcome = {
      outcome,
      bytes,
      durationMs: performance.now() - this.#madeAt,
      firstByteMs: this.#firstByteMs,
      ...(error === undefined ? {} : { error }),
    };
    if (this.options.onFinish) void runOnFinish(this.options.onFinish, result);
    return result;
  }
}

/** Says that `stream` stands for `body`. */
export function bindBody(stream: ReadableStream, body: Body): void {
  bodies.set(stream, body);
}

/** The body behind `stream`, where it is one of ours that nobody has begun to read. */
export function bodyOf(stream: ReadableStream): Body | undefined {
  const body = bodies.get(stream);
  return body && !body.opened && !stream.locked ? body : undefined;
}

async function runOnFinish(onFinish: OnFinish, outcome: Outcome): Promise<void> {
  try {
    await onFinish(outcome);
  } catch (error) {
    report({ code: "ON_FINISH_FAILED", message: "onFinish threw; the response had already ended", error });
  }
}

function startSweeper(): ReturnType<typeof setInterval> {
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [body, dueAt] of unopened) {
      if (dueAt > now) break;
      body.discard();
    }
    if (unopened.size === 0) {
      clearInterval(timer);
      sweeper = undefined;
    }
  }, 1000);
  unref(timer);
  return timer;
}
