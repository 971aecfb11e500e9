import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Position } from "../event-log.ts";

/** What one step deletes at most. */
const STEP_ROWS = 512;
const STEP_BYTES = 4 * 1024 * 1024;

interface Untidy {
  readonly stream: number;
  readonly first: Position;
  readonly rowsFrom: Position;
}

/** Deletes the rows of what was trimmed or deleted, in steps: nobody waits for all of it. */
export class Tidier {
  readonly #untidy: StatementSync;
  readonly #nthRow: StatementSync;
  readonly #rowAt: StatementSync;
  readonly #deleteRows: StatementSync;
  readonly #setRowsFrom: StatementSync;
  readonly #deleteProducers: StatementSync;
  readonly #deleteStream: StatementSync;
  /** There may be something to delete: so there may in a log that was left. */
  isNeeded = true;

  constructor(db: DatabaseSync) {
    this.#untidy = db.prepare(
      `SELECT stream, first, rows_from AS rowsFrom FROM streams WHERE (rows_from < first OR state = 'removed') LIMIT 1`,
    );
    this.#nthRow = db.prepare(
      `SELECT end FROM messages WHERE stream = ? AND end > ? ORDER BY end LIMIT 1 OFFSET ${STEP_ROWS - 1}`,
    );
    this.#rowAt = db.prepare("SELECT end FROM messages WHERE stream = ? AND end >= ? ORDER BY end LIMIT 1");
    this.#deleteRows = db.prepare("DELETE FROM messages WHERE stream = ? AND end <= ?");
    this.#setRowsFrom = db.prepare("UPDATE streams SET rows_from = ? WHERE stream = ?");
    this.#deleteProducers = db.prepare(
      `DELETE FROM producers WHERE stream = ?1
         AND id IN (SELECT id FROM producers WHERE stream = ?1 LIMIT ${STEP_ROWS})`,
    );
    this.#deleteStream = db.prepare("DELETE FROM streams WHERE stream = ?");
  }

  step(): void {
    const untidy = this.#untidy.get() as Untidy | undefined;
    this.isNeeded = untidy !== undefined;
    if (!untidy) return;
    const { stream, first, rowsFrom } = untidy;
    if (rowsFrom < first) {
      const upTo = Math.min(
        first,
        this.#endOf(this.#nthRow, stream, rowsFrom),
        this.#endOf(this.#rowAt, stream, rowsFrom + STEP_BYTES),
      );
      this.#deleteRows.run(stream, upTo);
      this.#setRowsFrom.run(upTo, stream);
    } else if (this.#deleteProducers.run(stream).changes === 0) this.#deleteStream.run(stream);
  }

  #endOf(statement: StatementSync, stream: number, position: Position): Position {
    const row = statement.get(stream, position) as { end: Position } | undefined;
    return row?.end ?? Infinity;
  }
}
