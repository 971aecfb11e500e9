import type { Item } from "../../../core/puller.ts";
import { SluiceError } from "../../../errors.ts";
import type { Column } from "../../column.ts";
import type { RowLayout } from "../../row-format.ts";
import type { RowStream } from "../../row-query.ts";
import { RunQuery, type Statement } from "./run-query.ts";
import type { Session } from "./session.ts";

/** The rows of a query that has been described, in its transaction. It runs when they are first pulled. */
export class PostgresRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #session: Session;
  readonly #query: RunQuery;
  readonly #ended: Promise<void>;
  #started = false;

  constructor(
    session: Session,
    statement: Statement,
    { columns, layout, maxRows }: { columns: readonly Column[]; layout: RowLayout; maxRows: number },
  ) {
    this.columns = columns;
    this.#session = session;
    let end: (() => void) | undefined;
    this.#ended = new Promise((resolve) => {
      end = resolve;
    });
    const onEnd = (error: Error | undefined): void => {
      end!();
      this.#release(error);
    };
    this.#query = new RunQuery(statement, layout, { maxRows, onEnd });
  }

  get rows(): number {
    return this.#query.rows;
  }

  get truncated(): boolean {
    return this.#query.truncated;
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    if (!this.#started) {
      this.#started = true;
      this.#session.submit(this.#query);
    }
    return this.#query.pull();
  }

  cancel(): void {
    void this.#stop();
  }

  /** As `cancel`, with an error for who waits for rows. */
  destroy(): Promise<void> {
    return this.#stop(new SluiceError("ERR_DATABASE", "The database was closed"));
  }

  async #stop(error?: Error): Promise<void> {
    if (!this.#started) return this.#session.rollback();
    if (!this.#query.ended) await this.#session.stop(this.#query, this.#ended, error);
  }

  #release(error: Error | undefined): void {
    // One that was told to stop is ended by whoever told it.
    if (this.#query.isDiscarded) return;
    void (error ? this.#session.rollback() : this.#session.commit());
  }
}
