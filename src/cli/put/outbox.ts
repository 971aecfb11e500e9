import type { Piece } from "./input-format.ts";

/** What waits while an append is on its way, in bytes: then the input is not read any further. */
const MAX_WAITING_BYTES = 512 * 1024;

/** Between who reads the input and who appends it: what comes while one append is on its way makes up the next. */
export class Outbox {
  #pieces: Piece[] = [];
  #bytes = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** @returns where there is too much: settles when there is room */
  async add(piece: Piece): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.bytes.byteLength;
    this.#tell();
    while (this.#bytes >= MAX_WAITING_BYTES) await this.#change();
  }

  /** Nothing more will come. */
  end(): void {
    this.#hasEnded = true;
    this.#tell();
  }

  /** @returns all that waits, as soon as there is something; undefined at the end */
  async take(): Promise<Piece[] | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#hasEnded) return undefined;
      await this.#change();
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    this.#tell();
    return pieces;
  }

  /** Only one of the two sides ever waits: one for a piece, the other for room. */
  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #tell(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
