import type { Puller } from "../core/puller.ts";
import type { Column } from "./column.ts";
import type { Parameters } from "./parameters.ts";
import type { RowFormatRequest } from "./row-format.ts";

/** How the rows of a query are wanted. */
export interface RowRequest {
  readonly format: RowFormatRequest;
  /** The most rows that are given; `Infinity` for all. */
  readonly maxRows: number;
  /** On whose behalf it runs: databases limit how many queries one caller runs at a time. */
  readonly caller: string | undefined;
}

/** A query that has not run. It can be opened any number of times, and runs anew each time. */
export interface RowQuery {
  /**
   * Describes the query, and makes ready to run it. No row is read before the first pull.
   *
   * @param signal - aborted when nobody waits any more: rejects then, with its reason
   * @throws QueryError (the statement cannot be run, or may not be), SluiceError `ERR_DATABASE` (the database cannot be
   *   read), HttpError 503 (busy, or too many queries are running: later it may work)
   */
  open(request: RowRequest, signal: AbortSignal): Promise<RowStream>;
  /** The columns it would give. Throws as `open` does. */
  describe(signal: AbortSignal): Promise<readonly Column[]>;
}

/**
 * The rows of a query, as bytes in a format. It holds a cursor until it has ended, failed, or been cancelled, which it may be
 * before its first pull; the cursor is closed within a second then, whatever the database is doing.
 *
 * The first item that a pull gives has the format's beginning together with rows, or with the end: a query that fails before
 * its first row has given nothing.
 */
export interface RowStream extends Puller {
  readonly columns: readonly Column[];
  /** Rows given so far. */
  readonly rows: number;
  /** Whether there were more rows than `maxRows`. Known at the end. */
  readonly truncated: boolean;
}

/** A database that rows are read from. */
export interface RowDatabase extends AsyncDisposable {
  /**
   * A query: one statement that gives rows and only reads, with a value for each `:name` in it.
   *
   * @throws QueryError for a `:name` without a value, a value without a `:name`, and parameters of another form;
   *   SluiceTypeError `ERR_INVALID_OPTION` for a value that databases have no type for. Whether the statement is right, only
   *   the database knows: that is told when the query is opened.
   */
  query(sql: string, parameters?: Parameters): RowQuery;
  /** All rows of a table or view, by the name that {@link tables} gives it. That it is there is found when it is opened. */
  table(name: string): RowQuery;
  /** What can be read: tables and views, by name. */
  tables(signal: AbortSignal): Promise<readonly Table[]>;
  /** Takes no more queries, and waits for those that run. */
  close(): Promise<void>;
  /** Stops everything now. */
  destroy(): Promise<void>;
}

export interface Table {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly columns: readonly Column[];
  /** About how many rows it has, by what the database keeps in its statistics; undefined where it keeps none. */
  readonly estimatedRows: number | undefined;
}

export function isRowQuery(value: unknown): value is RowQuery {
  return typeof value === "object" && value !== null && typeof (value as Partial<RowQuery>).open === "function";
}
