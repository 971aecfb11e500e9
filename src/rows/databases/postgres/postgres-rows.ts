import type { Item } from "../../../core/puller.ts";
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
  #stopping: Promise<void> | undefined;
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
    const onEnd = (): void => {
      end!();
      // One that was told to stop is ended by whoever told it.
      if (!this.#query.isDiscarded) void session.end();
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
    void this.destroy(undefined);
  }

  /** As `cancel`. Resolves when the connection is back, or gone. @param error - for who waits for rows */
  destroy(error: Error | undefined): Promise<void> {
    this.#stopping ??= this.#stop(error);
    return this.#stopping;
  }

  async #stop(error: Error | undefined): Promise<void> {
    if (!this.#started) return this.#session.end();
    if (!this.#query.ended) await this.#session.stop(this.#query, this.#ended, error);
  }
}
