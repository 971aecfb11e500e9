/**
 * Every code a {@link SluiceError} can carry. Match on `error.code`, never on the message.
 * The catalogue with causes and cures is `docs/errors.md`; a test keeps both equal.
 */
export const ERROR_CODES = [
  "ERR_BODY_TAKEN",
  "ERR_CONTENT_LENGTH_EXCEEDED",
  "ERR_CONTENT_LENGTH_NOT_REACHED",
  "ERR_DATABASE",
  "ERR_DRAINED",
  "ERR_EVENT_FIELD",
  "ERR_FILE_CHANGED",
  "ERR_INVALID_OPTION",
  "ERR_ITEM_TYPE",
  "ERR_LINE_TOO_LONG",
  "ERR_LOG",
  "ERR_QUERY",
  "ERR_SNAPSHOT_AGE",
  "ERR_SOURCE_TYPE",
  "ERR_STALLED",
  "ERR_TRUNCATED",
] as const;

export type SluiceErrorCode = (typeof ERROR_CODES)[number];

/** The one error class of this library. What went wrong is in `code`; the message says what would be right. */
export class SluiceError extends Error {
  override readonly name: string = "SluiceError";
  readonly code: SluiceErrorCode;

  constructor(code: SluiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A value of the wrong type, by code. It is a TypeError, as the platform's own functions throw. */
export class SluiceTypeError extends TypeError {
  override readonly name: string = "SluiceTypeError";
  readonly code: SluiceErrorCode;

  constructor(code: SluiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface HttpErrorOptions extends ErrorOptions {
  /** Sent with the response, e.g. `{ "Retry-After": "5" }`. */
  headers?: Record<string, string>;
  /** Told in the body beside `title`, `status` and `detail` (RFC 9457 §3.2), e.g. `{ "position": 12 }`. */
  members?: Readonly<Record<string, unknown>>;
}

/**
 * Thrown by a handler, or by a source before its first item, to answer with `status` instead of the body.
 * `detail` is shown to the client (in a `problem+json` body, RFC 9457), so it must be fit for it; `cause` is only logged.
 *
 * @param status - an integer from 400 to 599
 * @throws RangeError for any other status, TypeError for headers that cannot be sent
 * @example throw new HttpError(404, "There is no report of that name");
 */
export class HttpError extends Error {
  override readonly name: string = "HttpError";
  readonly status: number;
  readonly detail: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, detail?: string, options: HttpErrorOptions = {}) {
    super(detail ?? `HTTP ${status}`, options);
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`An HttpError carries a status from 400 to 599, got ${status}`);
    }
    this.status = status;
    this.detail = detail;
    this.headers = options.headers ?? {};
    this.members = options.members ?? {};
    // Said here, where it can be mended: an error that cannot be answered would be one more error.
    if (options.headers) void new Headers(options.headers);
  }
}
