import { report } from "../core/report.ts";
import { HttpError, SluiceError } from "../errors.ts";
import { after } from "../core/clocks.ts";
import type { Retention } from "../logs/event-log.ts";
import { type HeldLease, LeaseKeeper, endOf } from "./lease-keeper.ts";
import { hasNoBytes, toMessage } from "./message-bytes.ts";
import { retain } from "./retain.ts";

export interface ProduceContext {
  /** Aborted when the stream is deleted or closed by somebody else, when another has taken it over, and when we are closed. */
  readonly signal: AbortSignal;
  /** Appends values as messages, in order. Resolves when they are kept. Rejects with the signal's reason when nobody wants them. */
  append(...values: unknown[]): Promise<void>;
}

/** Yields the messages of a stream, or appends them by itself. */
export type ProduceSource = (
  context: ProduceContext,
) => AsyncIterable<unknown> | Iterable<unknown> | Promise<void> | void;

export interface ProductionOptions extends HeldLease {
  readonly contentType: string;
  /** How long after it was told to stop a source that has not ended is reported, in ms. */
  readonly leakReportMs: number;
  readonly retention: Retention | undefined;
}

/** What is said of a failure that has no code of its own. */
const FAILED = "failed";
/** A producer may be so far ahead of the log, in bytes. */
const MAX_AHEAD_BYTES = 256 * 1024;
/** So long is waited whether an append shows that the stream can still be written, before the log is asked, in ms. */
const LOOK_AFTER_MS = 50;

/** A source that writes a stream, whoever reads it. It holds the stream's lease: when the process dies, that ends. */
export class Production {
  readonly #options: ProductionOptions;
  readonly #stop = new AbortController();
  readonly #keeper: LeaseKeeper;
  readonly #unwatch: () => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  /** The log calls for our own appends, too: one that is still to come, of the append that is under way. */
  #expectsCall = false;
  #look: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when the stream is closed, or is not ours any more. */
  readonly ended: Promise<void>;

  constructor(source: ProduceSource, options: ProductionOptions) {
    this.#options = options;
    const { log, name } = options;
    this.#keeper = new LeaseKeeper(options, (reason) => this.#abort(reason));
    this.#unwatch = log.watch(name, () => this.#onCall());
    this.ended = this.#run(source);
  }

  /** Aborts the source; the stream is closed as failed. */
  cancel(reason: unknown): void {
    this.#abort(reason);
  }

  async #run(source: ProduceSource): Promise<void> {
    let failure: string | undefined;
    try {
      // A source that does not look at its signal is not waited for.
      await Promise.race([this.#aborted(), this.#supervise(source)]);
      await this.#flush();
      this.#stop.signal.throwIfAborted();
    } catch (thrown) {
      const { signal } = this.#stop;
      // What it throws when it is told to stop is not why it ends.
      const error: unknown = signal.aborted ? signal.reason : thrown;
      failure = codeOf(error);
      if (!(error instanceof HttpError)) {
        report({ code: "SOURCE_FAILED", message: `The source of the stream ${this.#options.name} failed`, error });
      }
    }
    this.#keeper.stop();
    this.#unwatch();
    this.#stopLook();
    const { log, name, lease } = this.#options;
    // What was made before it failed is kept.
    await this.#flush().catch(() => {});
    try {
      await log.append(name, { messages: [], close: true, failure, lease });
    } catch (error) {
      // Its lease ends, and who sees that closes it.
      report({ code: "SOURCE_FAILED", message: `The stream ${name} was not closed`, error });
    }
  }

  /** Rejects with the signal's reason. */
  #aborted(): Promise<never> {
    const { signal } = this.#stop;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Reports a source that goes on when it was told to stop. */
  async #supervise(source: ProduceSource): Promise<void> {
    const { name, leakReportMs } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { signal } = this.#stop;
    const onAbort = (): void => {
      timer = after(leakReportMs, () => {
        const message =
          `The source of the stream ${name} still runs ${leakReportMs} ms after it was told to stop. ` +
          "Pass its `signal` to whatever it awaits.";
        report({ code: "SOURCE_OUTLIVED_READER", message });
      });
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#consume(source);
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    }
  }

  async #consume(source: ProduceSource): Promise<void> {
    const { signal } = this.#stop;
    const made = source({ signal, append: (...values) => this.#append(values) });
    if (typeof made !== "object" || made === null) return;
    if (Symbol.asyncIterator in made || Symbol.iterator in made) {
      for await (const value of made) {
        signal.throwIfAborted();
        this.#add(value);
        if (this.#queuedBytes >= MAX_AHEAD_BYTES) await this.#flush();
      }
      return;
    }
    await made;
  }

  async #append(values: readonly unknown[]): Promise<void> {
    this.#stop.signal.throwIfAborted();
    for (const value of values) this.#add(value);
    await this.#flush();
    this.#stop.signal.throwIfAborted();
  }

  #add(value: unknown): void {
    const { contentType } = this.#options;
    // What is made word by word often has none.
    if (hasNoBytes(value, contentType)) return;
    const message = toMessage(value, contentType);
    this.#queue.push(message);
    this.#queuedBytes += message.byteLength;
    // What comes meanwhile goes with the next append.
    this.#writing ??= this.#write();
    this.#writing.catch(() => {});
  }

  async #flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      // One more turn for what is yielded at once.
      await Promise.resolve();
      while (this.#queue.length > 0) {
        const messages = this.#queue;
        this.#queue = [];
        this.#queuedBytes = 0;
        await this.#put(messages);
      }
    } catch (error) {
      // Nothing may stand behind what is missing.
      throw this.#abort(error);
    } finally {
      this.#writing = undefined;
    }
  }

  async #put(messages: readonly Uint8Array[]): Promise<void> {
    const { log, name, lease, retention } = this.#options;
    const look = this.#look;
    this.#expectsCall = true;
    const result = await log.append(name, { messages, lease }).finally(() => (this.#expectsCall = false));
    const { status } = result;
    if (status !== "appended") throw new HttpError(410, `The stream cannot be written any more: ${status}`);
    // Whatever was called for before, it can be written.
    if (look !== undefined && this.#look === look) this.#stopLook();
    await retain(log, name, retention, result);
  }

  /** Something has changed, perhaps: where it was not by us, the log is asked soon. */
  #onCall(): void {
    if (this.#expectsCall) this.#expectsCall = false;
    else this.#look ??= after(LOOK_AFTER_MS, () => void this.#lookNow());
  }

  /** Whether it is still wanted. Where the log fails, its lease says so in time. */
  async #lookNow(): Promise<void> {
    this.#look = undefined;
    const { log, name } = this.#options;
    const end = await endOf(log, name).catch(() => undefined);
    if (end) this.#abort(end);
  }

  #stopLook(): void {
    clearTimeout(this.#look);
    this.#look = undefined;
  }

  #abort(reason: unknown): unknown {
    if (!this.#stop.signal.aborted) this.#stop.abort(reason);
    return reason;
  }
}

/** A failure as readers are told it: a code, and none of its words. */
function codeOf(error: unknown): string {
  if (error instanceof HttpError) return `http_${error.status}`;
  if (error instanceof SluiceError) return error.code;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^\w{1,64}$/u.test(code) ? code : FAILED;
}
