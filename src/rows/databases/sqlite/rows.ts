import type { Item } from "../../../core/gather.ts";
import { isPromiseLike } from "../../../core/puller.ts";
import { HttpError, SluiceError } from "../../../errors.ts";
import type { Column, RowStream } from "../../row-query.ts";
import type { ReaderAnswer } from "./messages.ts";
import type { ReaderPool } from "./reader-pool.ts";
import type { ReaderProcess } from "./reader-process.ts";

/** The rows of a query that a reader has described, and runs when they are first pulled. */
export class SqliteRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #reader: ReaderProcess;
  readonly #pool: ReaderPool;
  #started = false;

  constructor(reader: ReaderProcess, pool: ReaderPool, columns: readonly Column[]) {
    this.#reader = reader;
    this.#pool = pool;
    this.columns = columns;
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    if (!this.#started) {
      this.#started = true;
      this.#reader.send({ kind: "run" });
    }
    try {
      const frame = this.#reader.next();
      return isPromiseLike(frame) ? frame.then((arrived) => this.#toItem(arrived), this.#onError) : this.#toItem(frame);
    } catch (error) {
      return this.#onError(error);
    }
  }

  /** SQLite can't be asked to stop: a reader that has begun is killed. */
  cancel(): void {
    if (this.#started) return this.#pool.kill(this.#reader);
    this.#reader.send({ kind: "drop" });
    this.#pool.giveBack(this.#reader);
  }

  #toItem(frame: Buffer | ReaderAnswer): Item | undefined {
    if (Buffer.isBuffer(frame)) return frame;
    this.#pool.giveBack(this.#reader);
    if (frame.kind === "end") return undefined;
    throw toError(frame);
  }

  readonly #onError = (error: unknown): never => {
    this.#pool.kill(this.#reader);
    throw error;
  };
}

/** What a reader answered instead of rows. */
export function toError(answer: ReaderAnswer): Error {
  if (answer.kind !== "failed")
    return new SluiceError("ERR_DATABASE", `The reader answered out of turn: ${answer.kind}`);
  const { reason, message } = answer;
  if (reason === "busy") {
    return new HttpError(503, "The database is busy", { cause: new Error(message), headers: { "Retry-After": "1" } });
  }
  return new SluiceError(reason === "query" ? "ERR_QUERY" : "ERR_DATABASE", message);
}
