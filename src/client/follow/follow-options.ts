import type { HeadersInput } from "../../http/headers.ts";

export interface FollowOptions {
  /**
   * Where to begin: behind the event with this `id`. Of a Durable Stream also an offset, `-1` (the beginning) or `now` (its end).
   * Undefined: where the server begins by itself, a Durable Stream at its beginning.
   */
  after?: string | undefined;
  /** Ends it at once; its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** Sent with each request. */
  headers?: HeadersInput | undefined;
  /**
   * A request other than GET is repeated only with an id to go on behind. Until there is one, the end of its answer is the end.
   * @defaultValue "GET"
   */
  method?: string;
  /** Sent with each request. */
  body?: string | Uint8Array<ArrayBuffer> | undefined;
  /**
   * Attempts in a row that may fail, by the network or a 5xx, without anything new; Infinity: it never gives up.
   * @defaultValue 10
   */
  retries?: number;
  /**
   * The time until the next attempt, in ms, unless the server has said another (`retry:`). It doubles with each failure in a row.
   * @defaultValue 1000
   */
  reconnectionMs?: number;
  /**
   * What it doubles up to, in ms.
   * @defaultValue 30_000
   */
  maxDelayMs?: number;
  /**
   * How long the server may send nothing, not even a comment, until the connection is taken for dead, in ms; 0 for ever.
   * @defaultValue 60_000
   */
  idleTimeoutMs?: number;
  /** Told of each attempt that has failed and is followed by another one. */
  onRetry?: (error: Error, delayMs: number) => void;
  /** Sends the requests: to set what changes, such as a token. Has to heed the request's signal. */
  fetch?: (request: Request) => Promise<Response>;
}

export type ResolvedFollowOptions = Required<Omit<FollowOptions, "after" | "signal" | "headers" | "body">> &
  Pick<FollowOptions, "signal" | "headers" | "body">;

export function resolveFollowOptions({ after: _after, ...options }: FollowOptions): ResolvedFollowOptions {
  return {
    retries: 10,
    reconnectionMs: 1000,
    maxDelayMs: 30_000,
    idleTimeoutMs: 60_000,
    onRetry: () => {},
    fetch: (request) => fetch(request),
    ...options,
    method: options.method?.toUpperCase() ?? "GET",
  };
}
