import type { Piece } from "../core/gather.ts";

/** A response's bytes on their way to one kind of connection. The head is written before by the transmission. */
export interface Wire {
  /** Set before anything is written. */
  listener: WireListener | undefined;
  /** Sends what is there of the head, without waiting for a body. */
  flushHead(): void;
  /** As {@link Sink.write}: true where the bytes are out of our hands, else the listener is told later. */
  write(piece: Piece): boolean;
  /** As {@link Sink.writeSome}, after a first `write`. */
  writeSome?(bytes: Uint8Array): number | undefined;
  /** Ends the body, with a last piece; the listener is told when all of it is out of our hands. */
  end(piece: Piece | undefined, trailers: Record<string, string> | undefined): void;
  /**
   * Breaks the body visibly.
   *
   * @param hasLength - the head has a Content-Length, of which not all was sent
   */
  break(hasLength: boolean): void;
}

/** Who is told that the bytes of a wire are out of our hands: the pump. */
export interface WireListener {
  /** @param slow - the reader made it wait */
  taken(slow: boolean): void;
}
