import { optionError } from "../http/response-options.ts";

/** What a server allows its clients, to protect itself. Every default is here. */
export interface Limits {
  /**
   * For a request's head to arrive, in ms.
   * @defaultValue 10_000
   */
  headersTimeoutMs?: number;
  /**
   * For a whole request to arrive, in ms. Answers are never limited by it.
   * @defaultValue 300_000
   */
  requestTimeoutMs?: number;
  /**
   * How long a connection without a request is kept, in ms.
   * @defaultValue 65_000
   */
  keepAliveTimeoutMs?: number;
  /**
   * Connections at a time; more are closed as they come.
   * @defaultValue 50_000
   */
  maxConnections?: number;
  /**
   * Requests on one connection; the last answer closes it.
   * @defaultValue 10_000
   */
  maxRequestsPerSocket?: number;
  /**
   * A request's head, in bytes; a larger one is answered with 431.
   * @defaultValue 16_384
   */
  maxHeaderBytes?: number;
}

/** @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveLimits(limits: Limits = {}): Required<Limits> {
  const { requestTimeoutMs = 300_000 } = limits;
  const resolved: Required<Limits> = {
    requestTimeoutMs,
    // A head is a part of its request.
    headersTimeoutMs: requestTimeoutMs > 0 ? Math.min(10_000, requestTimeoutMs) : 10_000,
    // Above the 60 s after which most proxies let go of an idle connection: theirs must be the first to close.
    keepAliveTimeoutMs: 65_000,
    maxConnections: 50_000,
    maxRequestsPerSocket: 10_000,
    maxHeaderBytes: 16 * 1024,
    ...Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
  };
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 0) throw optionError(`limits.${name}`, "an integer ≥ 0", value);
  }
  if (resolved.requestTimeoutMs > 0 && resolved.headersTimeoutMs > resolved.requestTimeoutMs) {
    throw optionError("limits.headersTimeoutMs", "no longer than limits.requestTimeoutMs", resolved.headersTimeoutMs);
  }
  return resolved;
}
