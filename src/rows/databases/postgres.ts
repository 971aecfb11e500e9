import pg from "pg";
import { SluiceError } from "../../errors.ts";
import { optionError } from "../../http/response-options.ts";
import type { Parameters } from "../parameters.ts";
import { parquetRows } from "../parquet/parquet-rows.ts";
import { QueryError } from "../query-error.ts";
import { ROW_FORMATS } from "../row-formats.ts";
import type { RowDatabase, RowQuery, RowRequest, RowStream, Table } from "../row-query.ts";
import { type SlotOptions, Slots } from "../slots.ts";
import { toError } from "./postgres/failure.ts";
import { PostgresRows } from "./postgres/postgres-rows.ts";
import { type CancelCounters, Session, type SessionOptions } from "./postgres/session.ts";
import { type PositionalStatement, toPositional } from "./postgres/statement-parameters.ts";
import { learnTypes, plain, selectFrom, tablesOf } from "./postgres/tables.ts";
import { type OtherType, type PgColumn, toColumn, unknownTypes } from "./postgres/types.ts";
import { wrapQuery } from "./postgres/wrap.ts";

export interface PostgresOptions extends SlotOptions {
  /**
   * Queries that run at a time, each on a connection of its own; more are answered with 503.
   * @defaultValue 4, or as many as a pool that is handed in has
   */
  maxQueries?: number | undefined;
  /**
   * How long a query waits for others to end, in ms, before it is answered with 503.
   * @defaultValue 1_000
   */
  maxWaitMs?: number | undefined;
  /**
   * PostgreSQL's `statement_timeout` for queries, in ms; 0 for none. It counts the time that a slow reader takes, too: what
   * bounds an export by other clocks is `firstRowTimeoutMs` and `maxSnapshotAgeMs`.
   * @defaultValue the server's
   */
  statementTimeoutMs?: number | undefined;
}

/** What a database is doing, and what became of queries that were to stop. */
export interface PostgresStats {
  /** Queries that run now. */
  readonly running: number;
  readonly cancels: Readonly<CancelCounters>;
}

const DEFAULT_MAX_QUERIES = 4;
/** A query gives its connection back a little after its last row: who asks for one after the other is not to be refused. */
const DEFAULT_MAX_WAIT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A PostgreSQL database, to be read from only: each query has a transaction of its own, that sees one state (`REPEATABLE READ
 * READ ONLY`). Nothing is connected before a query runs.
 *
 * @param source - `postgres://user:password@host:port/database?sslmode=…`, for which connections are made that nobody else
 *   uses; or a pool of `pg`'s, which shares them with who gave it, and is not ended here
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export function postgres(source: string | pg.Pool, options: PostgresOptions = {}): PostgresDatabase {
  if (typeof source === "string" && !/^postgres(?:ql)?:\/\//u.test(source)) {
    throw optionError("source", "a URL, postgres://…, or a pool of pg's", "another text");
  }
  return new PostgresDatabase(source, options);
}

/** What {@link postgres} returns. */
export class PostgresDatabase implements RowDatabase {
  readonly #pool: pg.Pool;
  readonly #ownsPool: boolean;
  readonly #slots: Slots;
  readonly #sessions: SessionOptions;
  readonly #otherTypes = new Map<number, OtherType>();
  readonly #running = new Set<PostgresRows>();
  readonly #destroyed = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(source: string | pg.Pool, options: PostgresOptions) {
    this.#ownsPool = typeof source === "string";
    const size = typeof source === "string" ? DEFAULT_MAX_QUERIES : source.options.max;
    const maxQueries = options.maxQueries ?? size;
    this.#slots = new Slots({ ...options, maxQueries, maxWaitMs: options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS });
    this.#pool =
      typeof source === "string"
        ? new pg.Pool({
            connectionString: source,
            max: maxQueries,
            connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
            fallback_application_name: "sluice",
            allowExitOnIdle: true,
          })
        : source;
    // An idle connection that breaks is gone from the pool; the next query has another.
    if (this.#ownsPool) this.#pool.on("error", () => {});
    this.#sessions = {
      statementTimeoutMs: options.statementTimeoutMs,
      counters: { requested: 0, drained: 0, destroyed: 0 },
      checksConnections: true,
    };
  }

  query(sql: string, parameters: Parameters = {}): RowQuery {
    if (typeof sql !== "string") throw optionError("sql", "a string", sql);
    const statement = toPositional(sql, parameters);
    return this.#of(() => Promise.resolve(statement));
  }

  table(name: string): RowQuery {
    return this.#of(async (session) => toPositional(await selectFrom(session, name), {}));
  }

  async tables(signal: AbortSignal): Promise<readonly Table[]> {
    return this.#with(signal, (session) => tablesOf(session, this.#otherTypes));
  }

  stats(): PostgresStats {
    return { running: this.#slots.total, cancels: { ...this.#sessions.counters } };
  }

  close(): Promise<void> {
    this.#closed ??= this.#slots.close().then(() => (this.#ownsPool ? this.#pool.end() : undefined));
    return this.#closed;
  }

  async destroy(): Promise<void> {
    const closed = this.close();
    const error = new SluiceError("ERR_DATABASE", "The database was closed");
    this.#destroyed.abort(error);
    await Promise.all([...this.#running].map((rows) => rows.destroy(error)));
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  #of(statementOf: (session: Session) => Promise<PositionalStatement>): RowQuery {
    const open = (request: RowRequest, signal: AbortSignal): Promise<RowStream> =>
      this.#open(statementOf, request, signal);
    return {
      open: (request, signal) =>
        request.format.name === "parquet"
          ? parquetRows((feed) => open({ ...request, format: feed }, signal), signal)
          : open(request, signal),
      describe: (signal) =>
        this.#with(signal, async (session) => (await this.#describe(session, await statementOf(session))).map(plain)),
    };
  }

  async #open(
    statementOf: (session: Session) => Promise<PositionalStatement>,
    { format, maxRows, caller }: RowRequest,
    signal: AbortSignal,
  ): Promise<RowStream> {
    return this.#begin(caller, format.options.timeZone, signal, async (session) => {
      const statement = await statementOf(session);
      const columns = await this.#describe(session, statement);
      const layout = ROW_FORMATS[format.name].layout!(columns, format.options);
      const wrapped = wrapQuery(statement.body, statement.values, { columns, format, layout, maxRows });
      const rows = new PostgresRows(session, wrapped, { columns: columns.map(plain), layout, maxRows });
      // Between the last answer and now it may have been told to stop.
      signal.throwIfAborted();
      session.handOver();
      this.#running.add(rows);
      session.onReleased = () => this.#running.delete(rows);
      return rows;
    });
  }

  /** @throws QueryError for what is not one statement that gives rows */
  async #describe(session: Session, { sql, positionOf }: PositionalStatement): Promise<PgColumn[]> {
    try {
      const fields = await session.describe(sql);
      if (fields.length === 0) throw new QueryError("A query gives rows; this statement gives none");
      await learnTypes(session, unknownTypes(fields, this.#otherTypes), this.#otherTypes);
      return fields.map((field) => toColumn(field, this.#otherTypes));
    } catch (error) {
      throw toError(error, positionOf);
    }
  }

  /** What is told at once, in a session of its own. */
  async #with<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
    return this.#begin(undefined, "UTC", signal, async (session) => {
      const told = await use(session);
      await session.end();
      return told;
    });
  }

  /** Begins a session, which `use` ends, unless it fails. @throws as `toError` says; the signal's reason */
  async #begin<T>(
    caller: string | undefined,
    timeZone: string,
    asked: AbortSignal,
    use: (session: Session) => Promise<T>,
  ): Promise<T> {
    const signal = AbortSignal.any([asked, this.#destroyed.signal]);
    const giveBack = await this.#slots.take(caller, signal);
    const session = await Session.begin(this.#pool, timeZone, this.#sessions, { signal, giveBack });
    try {
      return await use(session);
    } catch (error) {
      await session.end();
      signal.throwIfAborted();
      throw toError(error);
    }
  }
}
