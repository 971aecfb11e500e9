import { after } from "../core/clocks.ts";
import { type Item, type Puller, isPromiseLike } from "../core/puller.ts";
import { HttpError, SluiceError } from "../errors.ts";
import type { RowStream } from "./row-query.ts";

export interface ExportLimits {
  readonly firstRowTimeoutMs: number;
  readonly maxSnapshotAgeMs: number;
  /** Fewer rows than there are fail the export. */
  readonly strict: boolean;
  /** What is thrown before the first row, as it is answered. */
  readonly toHttpError: (error: Error) => Error;
}

/**
 * The rows of one export, held to its clocks: the time to the first row, and the age of the snapshot, for which a database
 * keeps what others have deleted since. Either runs out whether the reader pulls or sleeps: the cursor is closed at once, and
 * the reader finds its body broken.
 */
export class ExportRows implements Puller {
  readonly #rows: RowStream;
  readonly #limits: ExportLimits;
  readonly #openedAt = performance.now();
  #firstRowTimer: ReturnType<typeof setTimeout> | undefined;
  #ageTimer: ReturnType<typeof setTimeout> | undefined;
  #hasGiven = false;
  #heldMs: number | undefined;
  #failure: { error: unknown } | undefined;
  #isCancelled = false;
  #reject: ((error: Error) => void) | undefined;

  constructor(rows: RowStream, limits: ExportLimits) {
    this.#rows = rows;
    this.#limits = limits;
    const { firstRowTimeoutMs, maxSnapshotAgeMs } = limits;
    this.#firstRowTimer = after(firstRowTimeoutMs, () =>
      this.#stop(new HttpError(504, `The query gave no row within ${firstRowTimeoutMs / 1000} s`)),
    );
    this.#ageTimer = after(maxSnapshotAgeMs, () =>
      this.#stop(
        new SluiceError(
          "ERR_SNAPSHOT_AGE",
          `The rows were not read within ${maxSnapshotAgeMs / 1000} s (maxSnapshotAgeMs), and the database was let go`,
        ),
      ),
    );
  }

  /** How long the database was held, in ms: until now, where it still is. */
  get heldMs(): number {
    return this.#heldMs ?? performance.now() - this.#openedAt;
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    if (this.#failure) throw this.#failure.error;
    let item;
    try {
      item = this.#rows.pull();
    } catch (error) {
      throw this.#fail(error as Error);
    }
    if (!isPromiseLike(item)) return this.#take(item);
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(error);
      this.#reject = fail;
      item.then(
        (value) => {
          this.#reject = undefined;
          if (this.#failure) return;
          try {
            resolve(this.#take(value));
          } catch (error) {
            fail(error as Error);
          }
        },
        (error: unknown) => {
          this.#reject = undefined;
          if (!this.#failure) fail(this.#fail(error as Error));
        },
      );
    });
  }

  cancel(reason: unknown): void {
    this.#isCancelled = true;
    this.#release();
    if (!this.#failure) this.#rows.cancel(reason);
  }

  #take(item: Item | undefined): Item | undefined {
    if (!this.#hasGiven) {
      this.#hasGiven = true;
      clearTimeout(this.#firstRowTimer);
    }
    if (item !== undefined) return item;
    this.#release();
    if (this.#limits.strict && this.#rows.truncated) {
      throw new SluiceError("ERR_TRUNCATED", `There are more rows than the ${this.#rows.rows} that may be sent`);
    }
    return undefined;
  }

  #fail(error: Error): Error {
    this.#release();
    // What a database says of a query that it was told to stop is no failure.
    if (this.#isCancelled) return error;
    if (!this.#hasGiven) return this.#limits.toHttpError(error);
    // There is no status any more that could tell it: it is a failure, and reported as one.
    return error instanceof HttpError ? new SluiceError("ERR_DATABASE", error.message, { cause: error }) : error;
  }

  /** A clock has run out. */
  #stop(error: Error): void {
    if (this.#heldMs !== undefined) return;
    this.#release();
    this.#failure = { error };
    this.#rows.cancel(error);
    this.#reject?.(error);
  }

  #release(): void {
    this.#heldMs ??= performance.now() - this.#openedAt;
    clearTimeout(this.#firstRowTimer);
    clearTimeout(this.#ageTimer);
  }
}
