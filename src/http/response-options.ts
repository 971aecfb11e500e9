import type { OnFinish } from "../core/body.ts";
import { SluiceTypeError } from "../errors.ts";
import { contentDisposition } from "./disposition.ts";
import type { HeadersInput } from "./headers.ts";

/** What every response of ours may be told. */
export interface ResponseOptions {
  /** @defaultValue 200 */
  status?: number;
  /** Sent as they are; they win over what is set here. */
  headers?: HeadersInput;
  /** Makes browsers save the body under this name (`Content-Disposition`, RFC 6266 and 8187). */
  filename?: string;
  /**
   * How long the head waits for the first item, in ms: until then a source can still answer with an error's status.
   * @defaultValue 100
   */
  commitAfterMs?: number;
  /**
   * How long the reader's connection may take nothing while there is something to send, in ms, before it is cut. Waiting
   * for the source does not count, and total time is never limited. `Infinity` never cuts.
   * @defaultValue 300_000
   */
  stallTimeoutMs?: number;
  /**
   * Whether the body is compressed on its way, by what the request accepts (zstd, br, gzip).
   * @defaultValue what the listener was told; on event streams false
   */
  compress?: boolean;
  /** Told once how the response ended. Awaited; what it throws is reported, and changes nothing. */
  onFinish?: OnFinish;
  /**
   * How long after its reader left a source that has not ended is reported, in ms.
   * @defaultValue 5_000
   */
  leakReportMs?: number;
}

export interface ResolvedResponseOptions {
  status: number;
  commitAfterMs: number;
  stallTimeoutMs: number;
  compress: boolean | undefined;
  onFinish: OnFinish | undefined;
  leakReportMs: number;
}

/** All defaults, in one place. @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveResponseOptions(init: ResponseOptions): ResolvedResponseOptions {
  const { status = 200, commitAfterMs = 100, stallTimeoutMs = 300_000, leakReportMs = 5_000 } = init;
  if (!Number.isInteger(status) || status < 200 || status > 599 || status === 204 || status === 205 || status === 304) {
    throw optionError("status", "an integer from 200 to 599 that allows a body (not 204, 205 or 304)", status);
  }
  assertMs("commitAfterMs", commitAfterMs);
  assertMs("stallTimeoutMs", stallTimeoutMs);
  assertMs("leakReportMs", leakReportMs);
  return { status, commitAfterMs, stallTimeoutMs, compress: init.compress, onFinish: init.onFinish, leakReportMs };
}

/** The fields of a response: `defaults`, then the filename, then what the caller gave. */
export function resolveHeaders(init: ResponseOptions, defaults: Record<string, string>): Headers {
  return new Headers(resolveFields(init, defaults));
}

/** As {@link resolveHeaders}, for a response that is made at once: most need no `Headers` of their own. */
export function resolveFields(init: ResponseOptions, defaults: Record<string, string>): HeadersInput {
  const { filename, headers: given } = init;
  if (filename !== undefined) defaults["Content-Disposition"] = contentDisposition(filename);
  if (!given) return defaults;
  const headers = new Headers(defaults);
  const own = new Headers(given);
  for (const [name, value] of own) if (name !== "set-cookie") headers.set(name, value);
  for (const cookie of own.getSetCookie()) headers.append("Set-Cookie", cookie);
  return headers;
}

/**
 * The length that these fields announce, in bytes: the body is kept to it, whoever gave it.
 *
 * @throws SluiceTypeError `ERR_INVALID_OPTION` where it is none (RFC 9112 §6.3: one answer would run into the next)
 */
export function announcedLength(fields: HeadersInput): number | undefined {
  const field =
    fields instanceof Headers ? fields.get("Content-Length") : (fields as Record<string, string>)["Content-Length"];
  if (field === null || field === undefined) return undefined;
  const length = /^\d+$/u.test(field) ? Number(field) : Number.NaN;
  if (!Number.isSafeInteger(length)) throw optionError("contentLength", "a number of bytes, an integer ≥ 0", field);
  return length;
}

/** A duration in ms: ≥ 0, `Infinity` for never. */
export function assertMs(name: string, value: number): void {
  if (typeof value !== "number" || !(value >= 0)) throw optionError(name, "a number of ms ≥ 0, or Infinity", value);
}

export function optionError(name: string, wanted: string, got: unknown): SluiceTypeError {
  return new SluiceTypeError("ERR_INVALID_OPTION", `${name} is ${wanted}; got ${String(got)}`);
}

/** Where a response was made, for reports. One frame is enough to find it, and cheap to keep. */
export function captureOrigin(above: (...parameters: never[]) => unknown): { stack?: string } {
  const errorClass = Error as { stackTraceLimit?: number; captureStackTrace?(target: object, above: unknown): void };
  const origin: { stack?: string } = {};
  const limit = errorClass.stackTraceLimit;
  errorClass.stackTraceLimit = 1;
  errorClass.captureStackTrace?.(origin, above);
  if (limit !== undefined) errorClass.stackTraceLimit = limit;
  return origin;
}
