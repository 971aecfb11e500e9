import { type Item, Pending, isPromiseLike } from "../../../core/puller.ts";
import type { Framing } from "../../row-format.ts";
import { Exchange } from "./exchange.ts";
import { ServerFailure, toError } from "./failure.ts";
import { MESSAGE, MESSAGE_HEAD_BYTES, type PgConnection, parseErrorResponse } from "./protocol.ts";
import { type RowEncoding, RowFramer } from "./row-framer.ts";

export interface Statement {
  readonly sql: string;
  readonly encoding: RowEncoding;
  /** What stands for a row without any text. */
  readonly emptyRow: string;
  /** Texts, in the order of `$1`, `$2` …: only with `fields`, which are read in batches. */
  readonly values: readonly (string | null)[];
}

/** Rows of the first batch: the reader is to see them soon. */
const FIRST_BATCH_ROWS = 100;
const MAX_BATCH_ROWS = 20_000;
/** How long a batch is to be, in bytes. */
const BATCH_BYTES = 256 * 1024;

/**
 * Runs a statement, and gives its rows as the reader makes room for them: a COPY, whose bytes wait in the socket, or a portal,
 * which is asked for a batch when the one before has been taken.
 */
export class RunQuery extends Exchange {
  readonly #statement: Statement;
  readonly #framing: Framing;
  readonly #framer: RowFramer;
  readonly #onEnd: () => void;
  #items: Item[] = [];
  #pending: Pending | undefined;
  #begun = false;
  #failure: Error | undefined;
  #ended = false;
  /** Nobody wants more of it. */
  #discarding = false;
  /** There are no more rows: what still comes is short, and lets the connection go. */
  #isOver = false;
  #suspended = false;
  #batchRows = FIRST_BATCH_ROWS;
  #batchBytes = 0;

  /** @param onEnd - told when the backend is ready for the next, or the connection has broken */
  constructor(statement: Statement, framing: Framing, options: { maxRows: number; onEnd: () => void }) {
    super();
    this.#statement = statement;
    this.#framing = framing;
    this.#onEnd = options.onEnd;
    const { encoding, emptyRow } = statement;
    this.#framer = new RowFramer(encoding, framing, {
      maxRows: options.maxRows,
      emptyRow,
      onMessage: this.#onMessage,
    });
  }

  get rows(): number {
    return this.#framer.rows;
  }

  get truncated(): boolean {
    return this.#framer.isTruncated;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** A batch has come, and the next was not asked for: the backend does nothing. */
  get isWaiting(): boolean {
    return this.#suspended;
  }

  get isDiscarded(): boolean {
    return this.#discarding;
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    if (this.#failure) throw this.#failure;
    if (this.#ended) return undefined;
    this.#pending = new Pending();
    if (this.#suspended) this.#nextBatch();
    this.connection?.stream.resume();
    return this.#pending;
  }

  /**
   * Throws away what still comes, until the backend is ready. A portal that waits is closed at once.
   *
   * @param error - for who waits for rows
   */
  discard(error?: Error): void {
    this.#discarding = true;
    this.#items = [];
    if (error) {
      this.#failure ??= error;
      this.#settle();
    }
    if (this.#suspended) {
      this.#suspended = false;
      this.connection?.sync();
    }
    this.connection?.stream.resume();
  }

  protected send(connection: PgConnection): void {
    const { sql, values, encoding } = this.#statement;
    connection.parse({ name: "", text: sql, types: [] });
    connection.bind({ portal: "", statement: "", values: [...values], binary: false });
    if (encoding === "fields") {
      connection.execute({ portal: "", rows: this.#batchRows });
      connection.flush();
    } else {
      connection.execute({ portal: "", rows: 0 });
      connection.sync();
    }
  }

  handleError(error: Error): void {
    this.#end(this.#failure ?? toError(error));
  }

  override handleReadyForQuery(): void {
    this.#end(this.#failure);
  }

  protected readonly onChunk = (chunk: Buffer): void => {
    this.#batchBytes += chunk.length;
    this.#framer.push(chunk, this.#onText);
    if (this.#items.length > 0 && !this.#discarding && !this.#ended) {
      // The backend's last words come by themselves, and nobody need pull for them: the transaction ends with them.
      if (!this.#isOver) this.connection!.stream.pause();
      this.#settle();
    }
  };

  readonly #onText = (text: Buffer): void => {
    if (this.#discarding) return;
    if (!this.#begun) this.#begin();
    this.#items.push(text);
  };

  #begin(): void {
    this.#begun = true;
    if (this.#framing.begin !== "") this.#items.push(this.#framing.begin);
  }

  readonly #onMessage = (type: number, message: Buffer): void => {
    switch (type) {
      case MESSAGE.errorResponse:
        this.#isOver = true;
        this.#failure ??= toError(new ServerFailure(parseErrorResponse(message.subarray(MESSAGE_HEAD_BYTES))));
        // After a COPY it was sent with it.
        if (this.#statement.encoding === "fields") this.connection!.sync();
        return;
      case MESSAGE.commandComplete:
        this.#isOver = true;
        if (this.#statement.encoding === "fields") this.connection!.sync();
        return;
      case MESSAGE.portalSuspended:
        return this.#onSuspended();
      default:
        this.passOn(type, message);
    }
  };

  #onSuspended(): void {
    if (this.#discarding) return this.connection!.sync();
    const rows = this.#framer.takeBatchRows();
    const bySize = (rows * BATCH_BYTES) / Math.max(1, this.#batchBytes);
    this.#batchRows = Math.ceil(Math.max(1, Math.min(bySize, this.#batchRows * 8, MAX_BATCH_ROWS)));
    this.#batchBytes = 0;
    this.#suspended = true;
    // The batch may have been one of rows that are skipped.
    if (this.#pending && this.#items.length === 0) this.#nextBatch();
  }

  #nextBatch(): void {
    this.#suspended = false;
    this.connection!.execute({ portal: "", rows: this.#batchRows });
    this.connection!.flush();
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    if (!error && !this.#discarding) {
      if (!this.#begun) this.#begin();
      if (this.#framing.end !== "") this.#items.push(this.#framing.end);
    }
    this.#onEnd();
    this.#settle();
  }

  #settle(): void {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    try {
      const item = this.pull();
      if (!isPromiseLike(item)) pending.settle({ item });
    } catch (failure) {
      pending.settle({ error: failure });
    }
  }
}
