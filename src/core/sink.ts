import type { Piece } from "./gather.ts";

/** Where a pump's bytes go. */
export interface Sink {
  /**
   * Takes a piece. True: all of it is out of our hands. False: it will be, and then the sink calls {@link Pump.taken};
   * no other piece is offered before.
   */
  write(piece: Piece): boolean;
  /** The body is complete with this last piece (or with what was written before). Answers as `write` does. */
  end(piece: Piece | undefined): boolean;
  /**
   * Takes as many of `bytes`, from the front, as go without waiting, and keeps no view of them. Says how many; `undefined`
   * where it cannot say, and took none: `write` is for these.
   */
  writeSome?(bytes: Uint8Array): number | undefined;
}

/** Moves a body's bytes from its source to a sink, as fast as the slower of the two, and holds few of them. */
export interface Pump {
  /** Bytes of the body that the sink was given. */
  readonly bytesWritten: number;
  start(): void;
  /**
   * The sink has let go of the piece in hand.
   *
   * @param slow - the reader made it wait: less is held for it
   */
  taken(slow: boolean): void;
  /** Stops at once, and cancels the source. Nothing is called back after this. */
  stop(reason: unknown): void;
  /** Asks a source without an end of its own to end. False: it has no way to. */
  drain(): boolean;
}

/** Whose pump it is: what it may not do, and who is told how it ends. */
export interface PumpOwner {
  readonly stallTimeoutMs: number;
  readonly contentLength?: number | undefined;
  /** The whole body is out of our hands. */
  onEnd(): void;
  /** The source failed; everything before is out of our hands. Its resources are its own to clean up. */
  onError(error: unknown): void;
  /** The sink took nothing for `stallTimeoutMs`. The pump has not stopped by itself. */
  onStall(): void;
}
