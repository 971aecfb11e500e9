import type { Item } from "../../core/gather.ts";
import { isPromiseLike } from "../../core/puller.ts";
import type { Column } from "../column.ts";
import type { RowStream } from "../row-query.ts";
import type { ReaderAnswer } from "./messages.ts";
import { toError } from "./reader-error.ts";
import type { ReaderLoan } from "./reader-pool.ts";

/** The rows of a query that a reader has described, and runs when they are first pulled. */
export class ReaderRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #loan: ReaderLoan;
  #started = false;
  #rows = 0;
  #truncated = false;

  constructor(loan: ReaderLoan, columns: readonly Column[]) {
    this.#loan = loan;
    this.columns = columns;
  }

  get rows(): number {
    return this.#rows;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    const { reader } = this.#loan;
    if (!this.#started) {
      this.#started = true;
      reader.send({ kind: "run" });
    }
    try {
      const frame = reader.next();
      return isPromiseLike(frame) ? frame.then((arrived) => this.#toItem(arrived), this.#onError) : this.#toItem(frame);
    } catch (error) {
      return this.#onError(error);
    }
  }

  /** A statement can't be asked to stop in all of its states: a reader that has begun is killed. */
  cancel(): void {
    if (this.#started) return this.#loan.kill();
    this.#loan.reader.send({ kind: "drop" });
    this.#loan.giveBack();
  }

  #toItem(frame: Buffer | ReaderAnswer): Item | undefined {
    this.#rows = this.#loan.reader.rows;
    if (Buffer.isBuffer(frame)) return frame;
    this.#loan.giveBack();
    if (frame.kind !== "end") throw toError(frame);
    this.#truncated = frame.truncated;
    return undefined;
  }

  readonly #onError = (error: unknown): never => {
    this.#loan.kill();
    throw error;
  };
}
