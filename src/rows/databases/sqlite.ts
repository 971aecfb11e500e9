import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionError } from "../../http/response-options.ts";
import { type Parameters, checkParameters } from "../parameters.ts";
import type { RowQuery, RowStream } from "../row-query.ts";
import type { ReaderRequest } from "./sqlite/messages.ts";
import { ReaderPool } from "./sqlite/reader-pool.ts";
import { SqliteRows, toError } from "./sqlite/rows.ts";

export interface SqliteOptions {
  /**
   * Queries that run at a time, each in a process of its own (about 40 MB); more are answered with 503.
   * @defaultValue 16
   */
  maxQueries?: number;
}

/**
 * A SQLite database, to be read from only. Nothing is opened before a query runs.
 *
 * Queries run in processes of their own: they hold up nobody here, and can be stopped at any time, which a running
 * statement in this process could not.
 *
 * @param path - of the file, from the current directory
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export function sqlite(path: string | URL, options: SqliteOptions = {}): SqliteDatabase {
  const { maxQueries = 16 } = options;
  if (!Number.isSafeInteger(maxQueries) || maxQueries < 1)
    throw optionError("maxQueries", "an integer ≥ 1", maxQueries);
  const file = path instanceof URL ? fileURLToPath(path) : path;
  if (file === "" || file === ":memory:") throw optionError("path", "a database file's: other processes read it", file);
  return new SqliteDatabase(new ReaderPool(resolve(file), maxQueries));
}

/** What {@link sqlite} returns. */
export class SqliteDatabase implements AsyncDisposable {
  readonly #pool: ReaderPool;

  constructor(pool: ReaderPool) {
    this.#pool = pool;
  }

  /**
   * A query: one statement that gives rows and only reads, with a value for each `:name` in it. It can be opened any number
   * of times, and runs anew each time.
   *
   * Values come as SQLite has them: integers with all their digits, reals as the shortest decimal that reads back the same,
   * text that is no UTF-8 with U+FFFD for what is wrong with it.
   *
   * @throws SluiceError `ERR_QUERY`: a `:name` without a value, a value without a `:name`, parameters of another form;
   *   SluiceTypeError `ERR_INVALID_OPTION`: a value that SQLite has no type for. Whether the statement is right, only
   *   SQLite knows: that is told when the query is opened.
   */
  query(sql: string, parameters: Parameters = {}): RowQuery {
    if (typeof sql !== "string") throw optionError("sql", "a string", sql);
    checkParameters(sql, parameters);
    return { open: (format, signal) => openRows(this.#pool, { kind: "describe", sql, parameters, format }, signal) };
  }

  /** Takes no more queries, and waits for those that run. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Stops everything now. */
  destroy(): Promise<void> {
    return this.#pool.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.destroy();
  }
}

async function openRows(
  pool: ReaderPool,
  query: Extract<ReaderRequest, { kind: "describe" }>,
  signal: AbortSignal,
): Promise<RowStream> {
  for (;;) {
    signal.throwIfAborted();
    const reader = pool.take();
    const onAbort = (): void => pool.kill(reader);
    signal.addEventListener("abort", onAbort);
    try {
      reader.send(query);
      const answer = await reader.next();
      if (!Buffer.isBuffer(answer) && answer.kind === "columns") return new SqliteRows(reader, pool, answer.columns);
      pool.giveBack(reader);
      throw Buffer.isBuffer(answer) ? new TypeError("unreachable: rows before columns") : toError(answer);
    } catch (error) {
      pool.kill(reader);
      signal.throwIfAborted();
      // One that died while it was idle, which is known only now: nothing has run yet.
      if (!reader.isReused || error !== reader.ended) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
