import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionError } from "../../http/response-options.ts";
import { type Parameters, checkParameters } from "../parameters.ts";
import { parquetRows } from "../parquet/parquet-rows.ts";
import { describeTarget, openRows, readTables } from "../readers/open-rows.ts";
import type { ReaderTarget } from "../readers/messages.ts";
import { ReaderPool, type ReaderPoolOptions } from "../readers/reader-pool.ts";
import type { RowDatabase, RowQuery, Table } from "../row-query.ts";

/** In the sources this file ends in `.ts`, where it was built in `.js`: so does the reader. */
const READER = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("./sqlite/reader.ts", import.meta.url)
    : new URL("./sqlite/reader.js", import.meta.url),
);

/** Queries run in processes of their own, of about 40 MB each. */
export type SqliteOptions = ReaderPoolOptions;

/** What a database is doing. */
export interface SqliteStats {
  /** Queries that run now. */
  readonly running: number;
  /** Readers that were killed, because their query was to stop. */
  readonly killed: number;
  /** The write-ahead log, in bytes: it cannot be reset while a query reads an older state. */
  readonly walBytes: number;
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
  const file = path instanceof URL ? fileURLToPath(path) : path;
  if (file === "" || file === ":memory:") throw optionError("path", "a database file's: other processes read it", file);
  return new SqliteDatabase(resolve(file), options);
}

/** What {@link sqlite} returns. */
export class SqliteDatabase implements RowDatabase {
  readonly #path: string;
  readonly #pool: ReaderPool;

  constructor(path: string, options: SqliteOptions) {
    this.#path = path;
    this.#pool = new ReaderPool({ script: READER, args: [path] }, options);
  }

  /**
   * As {@link RowDatabase.query}. Values come as SQLite has them: integers with all their digits, reals with as many as read
   * back the same, text that is no UTF-8 with U+FFFD for what is wrong with it.
   */
  query(sql: string, parameters: Parameters = {}): RowQuery {
    if (typeof sql !== "string") throw optionError("sql", "a string", sql);
    checkParameters(sql, parameters);
    return this.#of({ sql, parameters });
  }

  table(name: string): RowQuery {
    return this.#of({ table: name });
  }

  tables(signal: AbortSignal): Promise<readonly Table[]> {
    return readTables(this.#pool, signal);
  }

  stats(): SqliteStats {
    const walBytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    return { running: this.#pool.running, killed: this.#pool.killed, walBytes };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.destroy();
  }

  #of(target: ReaderTarget): RowQuery {
    return {
      open: (request, signal) =>
        request.format.name === "parquet"
          ? parquetRows((feed) => openRows(this.#pool, target, { ...request, format: feed }, signal), signal)
          : openRows(this.#pool, target, request, signal),
      describe: (signal) => describeTarget(this.#pool, target, signal),
    };
  }
}
