export interface FollowErrorOptions extends ErrorOptions {
  status?: number | undefined;
  streamFailed?: boolean;
}

/** Why a stream cannot be followed any further. */
export class FollowError extends Error {
  override readonly name: string = "FollowError";
  /**
   * `gone`: it was deleted. `trimmed`: what comes next is not kept any more. `refused`: the server has answered with `status`.
   * `no_events`: its answer is no event stream. `unreachable`: no attempt has brought anything new; `cause` says why the last one
   * failed. `interrupted`: a request other than GET broke off, with no id to go on behind. `too_large`, `malformed`: what the server
   * sends cannot be read. Any other is the stream's own, see `streamFailed`.
   */
  readonly code: string;
  /** Of the answer, where that was the reason. */
  readonly status: number | undefined;
  /** The stream was closed as failed: `code` is what its producer has said. All that came before was handed out. */
  readonly streamFailed: boolean;

  constructor(code: string, message: string, options: FollowErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = options.status;
    this.streamFailed = options.streamFailed ?? false;
  }
}

/** The end of a stream that was closed as failed. */
export function streamFailure(code: string): FollowError {
  return new FollowError(code, `The stream has failed: ${code}`, { streamFailed: true });
}

/** There is a gap that cannot be filled. */
export function trimmed(first: string, status?: number): FollowError {
  return new FollowError("trimmed", `What came before ${first} is not kept any more`, { status });
}
