import type { Held } from "./judge-answer.ts";
import type { Representation } from "./representation.ts";

/** The head of an answer, and its body. */
export interface Answer {
  readonly status: number;
  readonly fields: Headers;
  /** Where it came from, after all redirects. */
  readonly url: URL;
  /**
   * Its bytes, each chunk the reader's. It throws {@link InterruptedError} when they end too early, and when nothing comes
   * for too long; the time that a reader takes does not count.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** What came behind the body; empty before its end. */
  trailers(): Headers;
  /** Asks the same address for the head of the whole, as it is now. Rejects as an exchange does. */
  head(signal: AbortSignal): Promise<Headers>;
  /** Nothing more of it is wanted. To be called at any time, and twice. */
  cancel(): void;
}

/**
 * Sends one GET and follows its redirects.
 *
 * @throws InterruptedError when another attempt may help, DownloadError when none will
 */
export type Exchange = (fields: Record<string, string>, signal: AbortSignal) => Promise<Answer>;

/** Where the bytes go. What it throws ends the download. */
export interface Destination {
  /** What is there; undefined while nothing is known of it. */
  readonly held: Held | undefined;
  /** Told of the first answer with a body, which may have a name for it, and says what is held there already. */
  open(answer: Answer): Promise<void>;
  /**
   * Called before the bytes that are held are built upon, with no request under way: the time to hash them.
   */
  prepare(signal: AbortSignal): Promise<void>;
  /** Nothing of what is held is of use: the first byte of `representation` comes next. */
  startAgain(representation: Representation): Promise<void>;
  /** More is known of what is held. */
  learn(representation: Representation): Promise<void>;
  /** Takes the next bytes, to keep. A promise: there are enough for now. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Waits until all that was taken is where another process finds it. */
  flush(): Promise<void>;
  /**
   * The digest of all bytes.
   *
   * @param algorithm - `sha-256` or `sha-512`
   * @returns undefined where it was not computed, and the bytes are gone
   */
  digest(algorithm: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** The bytes are wrong: nothing of them stays where the next run would find it. */
  discard(): Promise<void>;
}
