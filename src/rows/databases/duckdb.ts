import { realpathSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionError } from "../../http/response-options.ts";
import { type Parameters, checkParameters } from "../parameters.ts";
import { temporaryPath } from "../parquet/pipe.ts";
import type { ReaderTarget } from "../readers/messages.ts";
import { describeTarget, openRows, readTables } from "../readers/open-rows.ts";
import { ReaderPool, type ReaderPoolOptions } from "../readers/reader-pool.ts";
import type { RowDatabase, RowQuery, Table } from "../row-query.ts";
import { type DatabaseSettings, IN_MEMORY } from "./duckdb/settings.ts";

/** In the sources this file ends in `.ts`, where it was built in `.js`: so does the reader. */
const READER = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("./duckdb/reader.ts", import.meta.url)
    : new URL("./duckdb/reader.js", import.meta.url),
);

/** Queries run in processes of their own, of about 100 MB each, and what the query needs. */
export interface DuckDbOptions extends ReaderPoolOptions {
  /**
   * A folder whose Parquet, CSV and JSON files can be read as tables, by their path from it: `SELECT * FROM 'orders.parquet'`,
   * `FROM read_csv('2024/*.csv')`. No other file can be, by `..` and symbolic links neither.
   * @defaultValue none: no file can be read but the database's
   */
  root?: string | URL | undefined;
  /**
   * What DuckDB may hold of one query in memory, as it writes it; a query that needs more is refused when that is found.
   * @defaultValue "256MB"
   */
  memoryLimit?: string | undefined;
  /**
   * What one query may write to temporary files instead, where it sorts or joins more than fits in memory; "0MB" for nothing.
   * @defaultValue "1GB"
   */
  maxSpill?: string | undefined;
  /**
   * Threads of one query.
   * @defaultValue 2
   */
  threads?: number | undefined;
}

/** What a database is doing. */
export interface DuckDbStats {
  /** Queries that run now. */
  readonly running: number;
  /** Readers that were killed, because their query was to stop. */
  readonly killed: number;
}

/**
 * A DuckDB database, to be read from only, or only the files of a folder. It needs `@duckdb/node-api`, which is loaded by the
 * processes that queries run in: where it is missing, queries fail with `ERR_DATABASE`.
 *
 * A query that is to stop is killed with its process. DuckDB's own interrupt is heeded between two steps only, and one step can
 * take as long as it likes: `levenshtein` of two long texts went on for ten seconds, `repeat` for a minute.
 *
 * @param path - of the database's file, from the current directory; "" or ":memory:" for none, with a `root`
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export function duckdb(path: string | URL, options: DuckDbOptions = {}): DuckDbDatabase {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  const { root, memoryLimit = "256MB", maxSpill = "1GB", threads = 2 } = options;
  const hasFile = file !== "" && file !== IN_MEMORY;
  if (!hasFile && root === undefined) throw optionError("path", "a database file's, or there is a root", file);
  for (const [name, value] of Object.entries({ memoryLimit, maxSpill })) {
    if (!/^\d+(?:\.\d+)? ?[KMGT]i?B$/u.test(value)) throw optionError(name, 'a size, as in "256MB"', value);
  }
  if (!Number.isSafeInteger(threads) || threads < 1) throw optionError("threads", "an integer ≥ 1", threads);
  const settings = { root: root && resolveRoot(root), memoryLimit, maxSpill, threads };
  return new DuckDbDatabase(hasFile ? resolve(file) : IN_MEMORY, settings, options);
}

type Settings = Omit<DatabaseSettings, "temporaryPrefix">;

/** What {@link duckdb} returns. */
export class DuckDbDatabase implements RowDatabase {
  readonly #pool: ReaderPool;

  constructor(path: string, settings: Settings, options: ReaderPoolOptions) {
    const temporaryPrefix = `${temporaryPath()}-`;
    this.#pool = new ReaderPool(
      {
        script: READER,
        args: [JSON.stringify({ ...settings, temporaryPrefix }), path],
        cleanUp: (pid) => rmSync(`${temporaryPrefix}${pid}`, { recursive: true, force: true }),
      },
      options,
    );
  }

  /**
   * As {@link RowDatabase.query}. Huge integers are decimals; lists, structs, maps and unions are JSON; what is none of the types
   * of {@link Column} is the text that DuckDB has for it.
   */
  query(sql: string, parameters: Parameters = {}): RowQuery {
    if (typeof sql !== "string") throw optionError("sql", "a string", sql);
    checkParameters(sql, parameters);
    return this.#of({ sql, parameters });
  }

  /** Tables of other schemas than `main` are named `schema.table`. */
  table(name: string): RowQuery {
    return this.#of({ table: name });
  }

  tables(signal: AbortSignal): Promise<readonly Table[]> {
    return readTables(this.#pool, signal);
  }

  stats(): DuckDbStats {
    return { running: this.#pool.running, killed: this.#pool.killed };
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
      open: (request, signal) => openRows(this.#pool, target, request, signal),
      describe: (signal) => describeTarget(this.#pool, target, signal),
    };
  }
}

function resolveRoot(root: string | URL): string {
  const folder = root instanceof URL ? fileURLToPath(root) : root;
  try {
    return realpathSync(folder);
  } catch (error) {
    throw optionError("root", "a folder that is there", (error as Error).message);
  }
}
