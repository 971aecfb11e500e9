/** Why a download cannot go on; the message is for the person who asked for it. */
export class DownloadError extends Error {
  override readonly name: string = "DownloadError";
}

/** Why one attempt did not reach the end, though another may. */
export class InterruptedError extends Error {
  override readonly name: string = "InterruptedError";
  /** How long the server asks to be left alone, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}
