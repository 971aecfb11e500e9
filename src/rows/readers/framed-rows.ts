import type { Framing } from "../row-format.ts";
import { sendText } from "./connection.ts";

/** Sends rows with what stands around them, from a reader process. */
export class FramedRows {
  readonly #framing: Framing;
  #sent = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** Rows sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** @param text - of one or more rows, with `rowEnd` and `between` between them, and neither at its ends */
  send(text: string | Uint8Array, rows: number): void {
    const { begin, between, rowEnd } = this.#framing;
    sendText([this.#sent === 0 ? begin : between, text, rowEnd], rows);
    this.#sent += rows;
  }

  end(): void {
    const { begin, end } = this.#framing;
    sendText([this.#sent === 0 ? begin : "", end], 0);
  }
}
