import { SluiceTypeError } from "../errors.ts";

/** One event of an event stream (WHATWG HTML §9.2.6). Every field is optional; `data` makes it an event, not only a hint. */
export interface ServerSentEvent {
  /** A string is sent as it is, in as many `data` lines as it has; anything else as JSON. */
  readonly data?: unknown;
  /** The event's type; a reader's default is `message`. No CR or LF. */
  readonly event?: string | undefined;
  /** What the reader sends back as `Last-Event-ID`. No CR, LF or NUL, at most 128 bytes in UTF-8. */
  readonly id?: string | number | undefined;
  /** The reconnection time from now on, in ms, an integer ≥ 0. */
  readonly retry?: number | undefined;
  /** Passed over by readers; keeps proxies from closing a silent connection. */
  readonly comment?: string | undefined;
}

/** What an event stream may yield: an event, a string (its data), or what {@link encodeEvent} made. */
export type EventItem = string | ServerSentEvent | EncodedEvent;

/** Longer ids make browsers ask for permission first (a CORS preflight) when they reconnect to another origin. */
const MAX_EVENT_ID_BYTES = 128;

const encoder = new TextEncoder();
const LINE_END = /\r\n|\r|\n/u;

/** An event encoded once, to be yielded to any number of readers. */
export class EncodedEvent {
  /** The frame, with the blank line at its end. Not to be written to. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * Encodes an event once for many readers: yielding the result costs no more than copying it.
 *
 * @throws SluiceTypeError `ERR_EVENT_FIELD` as {@link formatEvent}
 */
export function encodeEvent(event: string | ServerSentEvent): EncodedEvent {
  return new EncodedEvent(encoder.encode(formatEvent(event)));
}

/**
 * An event's frame. Nothing a field may hold can end the frame or begin another field.
 *
 * @throws SluiceTypeError `ERR_EVENT_FIELD`: CR or LF in `event` or `id`, NUL in `id`, an `id` over 128 bytes, a `retry`
 *   that is no integer ≥ 0, or `data` that JSON has no form for
 * @see WHATWG HTML §9.2.5 (the grammar) and §9.2.6 (how it is read)
 */
export function formatEvent(item: string | ServerSentEvent): string {
  if (typeof item === "string") return `${formatData(item)}\n`;
  if (typeof item !== "object" || item === null) {
    throw fieldError(`An event is a string or an object with data, event, id, retry or comment; got ${typeof item}`);
  }
  let frame = "";
  if (item.comment !== undefined) frame += formatComment(item.comment);
  if (item.id !== undefined) frame += `id: ${checkId(item.id)}\n`;
  if (item.event !== undefined) frame += `event: ${checkEvent(item.event)}\n`;
  if (item.retry !== undefined) frame += formatRetry(item.retry);
  if (item.data !== undefined) frame += formatData(typeof item.data === "string" ? item.data : toJson(item.data));
  return frame === "" ? "" : `${frame}\n`;
}

/** `retry: 2000` and its line end, in ms. */
export function formatRetry(retryMs: number): string {
  if (!Number.isSafeInteger(retryMs) || retryMs < 0) {
    throw fieldError(`An event's retry is a number of ms, an integer ≥ 0; got ${String(retryMs)}`);
  }
  return `retry: ${retryMs}\n`;
}

export function formatComment(comment: string): string {
  if (typeof comment !== "string") throw fieldError(`An event's comment is a string; got ${typeof comment}`);
  return prefixLines(": ", comment);
}

/**
 * The `Last-Event-ID` of a request: the header a reconnecting reader sends, or `?lastEventId=`, for readers that cannot set
 * one. The header holds UTF-8 (WHATWG HTML §9.2.3), which HTTP libraries hand over byte by byte as Latin-1.
 *
 * @returns undefined where there is none, or an empty one
 */
export function lastEventIdOf(request: Request): string | undefined {
  const field = request.headers.get("Last-Event-ID");
  if (field !== null && field !== "") return decodeUtf8Field(field);
  const query = request.url.indexOf("?");
  if (query < 0) return undefined;
  return new URLSearchParams(request.url.slice(query)).get("lastEventId") || undefined;
}

function decodeUtf8Field(field: string): string {
  const bytes = new Uint8Array(field.length);
  for (let index = 0; index < field.length; index++) {
    const unit = field.charCodeAt(index);
    // A runtime that decodes fields by itself: nothing is left to do.
    if (unit > 0xff) return field;
    bytes[index] = unit;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return field;
  }
}

function formatData(data: string): string {
  return prefixLines("data: ", data);
}

function prefixLines(prefix: string, text: string): string {
  if (!text.includes("\n") && !text.includes("\r")) return `${prefix}${text}\n`;
  let lines = "";
  for (const line of text.split(LINE_END)) lines += `${prefix}${line}\n`;
  return lines;
}

function toJson(data: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    throw fieldError(`An event's data is a string, or a value that JSON has a form for (${String(cause)})`, { cause });
  }
  if (json === undefined) throw fieldError(`An event's data is a string or a JSON value; got a ${typeof data}`);
  return json;
}

function checkEvent(event: string): string {
  if (typeof event !== "string") throw fieldError(`An event's type is a string; got ${typeof event}`);
  if (/[\r\n]/u.test(event)) throw fieldError("An event's type has no CR or LF: it would end the field");
  return event;
}

function checkId(id: string | number): string {
  const text = typeof id === "number" && Number.isFinite(id) ? String(id) : id;
  if (typeof text !== "string") throw fieldError(`An event's id is a string or a finite number; got ${String(id)}`);
  if (/[\r\n\0]/u.test(text)) throw fieldError("An event's id has no CR, LF or NUL");
  // A code unit is at most 3 bytes of UTF-8: most ids need no counting.
  if (text.length * 3 > MAX_EVENT_ID_BYTES && encoder.encode(text).byteLength > MAX_EVENT_ID_BYTES) {
    throw fieldError(
      `An event's id has at most ${MAX_EVENT_ID_BYTES} bytes in UTF-8; got ${encoder.encode(text).byteLength}`,
    );
  }
  return text;
}

function fieldError(message: string, options?: ErrorOptions): SluiceTypeError {
  return new SluiceTypeError("ERR_EVENT_FIELD", message, options);
}
