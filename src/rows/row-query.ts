import type { Puller } from "../core/puller.ts";
import type { RowFormatName } from "./row-formats.ts";

export interface Column {
  readonly name: string;
  /** As the database declares it; undefined where it says nothing, of an expression for example. */
  readonly type: string | undefined;
}

/**
 * A query that has not run. Every database makes its own, and brings its rows into the format itself: text built where the
 * rows are costs a third of rows decoded and encoded again.
 */
export interface RowQuery {
  /**
   * Describes the query, and makes ready to run it. Nothing is read before the first pull.
   *
   * @param signal - aborted when nobody waits any more: rejects then, with its reason
   * @throws SluiceError `ERR_QUERY` (the statement cannot be run), `ERR_DATABASE` (the database cannot be read); HttpError 503
   *   (busy: later it may work)
   */
  open(format: RowFormatName, signal: AbortSignal): Promise<RowStream>;
}

/**
 * The rows of a query as text in a format. It holds a cursor until it has ended, failed, or been cancelled, which it may be
 * before its first pull; the cursor is closed within a second then, whatever the database is doing.
 */
export interface RowStream extends Puller {
  readonly columns: readonly Column[];
}

export function isRowQuery(value: unknown): value is RowQuery {
  return typeof value === "object" && value !== null && typeof (value as Partial<RowQuery>).open === "function";
}
