import { setTimeout as sleep } from "node:timers/promises";
import { InterruptedError } from "../../client/download-error.ts";
import { firstHop } from "../../client/redirect.ts";
import { type RetryOptions, RetryPolicy, parseRetryAfter } from "../../client/retry.ts";
import { explain } from "./explain.ts";
import { type Reply, describeReply, readReply } from "./reply.ts";
import { StreamError } from "./stream-error.ts";

export interface RequestsOptions extends RetryOptions {
  /** May hold credentials. */
  readonly url: URL;
  /** Sent with each request. */
  readonly fields: Headers;
  /** How long the server may leave a request unanswered. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** A sentence on what went otherwise than planned. */
  readonly onNote: (note: string) => void;
}

export interface RequestParts {
  readonly fields?: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** A server that leaves the request unanswered is not asked again: {@link UnansweredError}. */
  readonly once?: boolean;
}

/** Nothing has come back in time. */
export class UnansweredError extends StreamError {}

/** 4xx that may pass by themselves: Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** Requests to one address, each sent until it is answered. */
export class Requests {
  /** Without credentials: they are in {@link fields}. */
  readonly url: URL;
  readonly fields: Headers;
  readonly #options: RequestsOptions;
  #hasAnswered = false;

  constructor(options: RequestsOptions) {
    const hop = firstHop(options.url, { "user-agent": "sluice", ...Object.fromEntries(options.fields) });
    this.url = hop.url;
    this.fields = hop.fields;
    this.#options = options;
  }

  /**
   * Sends the same request again after each failure that may pass.
   *
   * @returns what was answered, whatever it is
   * @throws StreamError when no further attempt is made; the signal's reason
   */
  async send(method: string, parts: RequestParts = {}): Promise<Reply> {
    const { onNote, signal } = this.#options;
    const policy = new RetryPolicy(this.#options);
    for (;;) {
      try {
        return await this.#attempt(method, parts);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof InterruptedError)) throw error;
        const delayMs = policy.fail(error.retryAfterMs);
        if (delayMs === undefined) {
          const attempts = policy.failures > 1 ? ` (attempt ${policy.failures})` : "";
          throw new StreamError(error.message + attempts, { cause: error });
        }
        onNote(`${error.message}: trying again in ${(delayMs / 1000).toFixed(1)} s`);
        await sleep(delayMs, undefined, { signal });
      }
    }
  }

  async #attempt(method: string, { fields = {}, body, once = false }: RequestParts): Promise<Reply> {
    const { signal, timeoutMs } = this.#options;
    const headers = new Headers(this.fields);
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    const timeout = AbortSignal.timeout(timeoutMs);
    let reply: Reply;
    try {
      const init = { method, headers, body: body ?? null, signal: AbortSignal.any([signal, timeout]) };
      // What was redirected by 303 would be a GET, and its answer none to what was sent.
      const answer = await fetch(this.url, { ...init, redirect: "manual" });
      this.#hasAnswered = true;
      reply = await readReply(answer);
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) {
        const message = `The server has not answered for ${timeoutMs / 1000} s`;
        throw once ? new UnansweredError(message) : new InterruptedError(message);
      }
      const { reason, lasts } = explain(error, this.#hasAnswered);
      const message = `${this.url.host} cannot be reached (${reason})`;
      throw lasts ? new StreamError(message, { cause: error }) : new InterruptedError(message, { cause: error });
    }
    if (reply.status < 500 && !PASSING_STATUSES.has(reply.status)) return reply;
    throw new InterruptedError(describeReply(reply), {
      retryAfterMs: parseRetryAfter(reply.fields.get("retry-after")),
    });
  }
}
