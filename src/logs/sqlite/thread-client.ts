import { Worker } from "node:worker_threads";
import { SluiceError } from "../../errors.ts";
import {
  type Answer,
  type Batch,
  CLOSE,
  type Call,
  type Moment,
  type Said,
  type ThreadData,
  type Use,
} from "./calls.ts";
import { toLogError } from "./failure.ts";

type Calls<M> = { [K in keyof M]: (moment: Moment, ...parameters: never[]) => unknown };
type ParametersOf<F> = F extends (moment: Moment, ...parameters: infer P) => unknown ? P : never;
type ResultOf<F> = F extends (...parameters: never[]) => infer R ? R : never;

export interface ThreadOptions extends ThreadData {
  /** Called with names of streams that may have changed. */
  readonly onChanged: (names: readonly string[]) => void;
}

interface Asked {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A thread that has the log's file open, and answers calls in the order in which they are made. */
export class ThreadClient<M extends Calls<M>> {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #onChanged: (names: readonly string[]) => void;
  readonly #opened = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #asked = new Map<number, Asked>();
  /** What was called since the thread was told last. */
  #calls: Call[] = [];
  #uses = new Map<string, Use>();
  #transfer: ArrayBuffer[] = [];
  #lastId = 0;
  #isClosing = false;
  #ended: SluiceError | undefined;

  constructor(script: URL, { onChanged, ...data }: ThreadOptions) {
    this.#path = data.path;
    this.#onChanged = onChanged;
    this.#worker = new Worker(script, { workerData: data satisfies ThreadData });
    this.#worker.on("message", (said: Said) => this.#onSaid(said));
    this.#worker.on("error", (error) => this.#end(`failed (${String(error)})`, error));
    this.#worker.on("exit", () => {
      this.#end("is closed");
      this.#exited.resolve();
    });
    // Nobody waits for it who would not wait for the log.
    this.#opened.promise.catch(() => {});
  }

  /** Rejects with SluiceError `ERR_LOG` where the file cannot be opened. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /**
   * @param transfer - memory that is handed over with the parameters
   * @returns rejects with SluiceError `ERR_LOG`
   */
  call<K extends keyof M & string>(
    { nowMs, uses }: Moment,
    method: K,
    parameters: ParametersOf<M[K]>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ResultOf<M[K]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    // The process lives as long as somebody waits.
    if (this.#asked.size === 0) this.#worker.ref();
    this.#asked.set(id, { resolve, reject });
    // Those who call in one turn are told together.
    if (this.#calls.length === 0) process.nextTick(() => this.#flush());
    this.#calls.push({ id, nowMs, method, parameters });
    for (const [name, use] of uses) this.#uses.set(name, use);
    this.#transfer.push(...transfer);
    return promise as Promise<ResultOf<M[K]>>;
  }

  /** Closes the file when all calls are answered. */
  async close(): Promise<void> {
    this.#flush();
    // Answers to what was called before come behind this.
    this.#isClosing = true;
    this.#worker.ref();
    this.#post(CLOSE);
    await this.#exited.promise;
  }

  #flush(): void {
    if (this.#calls.length === 0) return;
    const batch: Batch = { calls: this.#calls, uses: this.#uses };
    const transfer = this.#transfer;
    this.#calls = [];
    this.#uses = new Map();
    this.#transfer = [];
    this.#post(batch, transfer);
  }

  #post(message: Batch | typeof CLOSE, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #onSaid(said: Said): void {
    switch (said.kind) {
      case "opened":
        this.#worker.unref();
        return this.#opened.resolve();
      case "failed":
        this.#ended = toLogError(this.#path, said.failure);
        this.#opened.reject(this.#ended);
        return void this.#worker.terminate();
      case "answers":
        for (const answer of said.answers) this.#settle(answer);
        if (this.#asked.size === 0 && !this.#isClosing) this.#worker.unref();
        this.#onChanged(said.changed);
    }
  }

  #settle(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.failure) asked?.reject(toLogError(this.#path, answer.failure));
    else asked?.resolve(answer.value);
  }

  #end(how: string, cause?: unknown): void {
    this.#ended ??= new SluiceError("ERR_LOG", `The log ${this.#path} ${how}`, { cause });
    this.#opened.reject(this.#ended);
    for (const asked of this.#asked.values()) asked.reject(this.#ended);
    this.#asked.clear();
  }
}
