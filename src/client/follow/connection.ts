import { IdleTimer } from "../../core/clocks.ts";
import { InterruptedError } from "../download-error.ts";
import type { ResolvedFollowOptions } from "./follow-options.ts";
import type { Target } from "./place.ts";

/** One request, and its answer. */
export class Connection {
  readonly #options: ResolvedFollowOptions;
  readonly #controller = new AbortController();
  readonly #timer: IdleTimer;
  #idle: InterruptedError | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #openedAt: number | undefined;

  constructor(options: ResolvedFollowOptions) {
    this.#options = options;
    const { idleTimeoutMs, signal } = options;
    this.#timer = new IdleTimer(idleTimeoutMs, () => {
      this.#idle = new InterruptedError(`Nothing has come for ${idleTimeoutMs / 1000} s`);
      this.#controller.abort(this.#idle);
    });
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** How long it has stood since its answer began, in ms. */
  get stoodMs(): number {
    return this.#openedAt === undefined ? 0 : performance.now() - this.#openedAt;
  }

  /**
   * @returns the head of the answer
   * @throws InterruptedError; TypeError for what is no request
   */
  async open({ url, method, fields }: Target): Promise<Response> {
    const headers = new Headers(this.#options.headers);
    headers.set("accept", "text/event-stream");
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    const request = new Request(url, {
      method,
      headers,
      body: method === this.#options.method ? (this.#options.body ?? null) : null,
      cache: "no-store",
      signal: this.#controller.signal,
    });
    const answer = await this.#wait("The server cannot be reached", this.#options.fetch(request));
    this.#openedAt = performance.now();
    this.#reader = answer.body?.getReader();
    return answer;
  }

  /**
   * The next bytes; what comes behind them waits in the connection.
   *
   * @returns undefined at the end
   * @throws InterruptedError
   */
  async read(): Promise<Uint8Array | undefined> {
    if (!this.#reader) return undefined;
    const { value } = await this.#wait("The connection broke", this.#reader.read());
    return value;
  }

  /** Nothing more of it is wanted. */
  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#timer.clear();
    this.#controller.abort();
  }

  readonly #onAbort = (): void => this.#controller.abort(this.#options.signal!.reason);

  /** The time that its reader takes does not count. */
  async #wait<T>(failure: string, promise: Promise<T>): Promise<T> {
    this.#timer.arm();
    try {
      return await promise;
    } catch (cause) {
      throw this.#idle ?? new InterruptedError(failure, { cause });
    } finally {
      this.#timer.disarm();
    }
  }
}
