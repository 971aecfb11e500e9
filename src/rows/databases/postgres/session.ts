import type pg from "pg";
import { quoteText } from "../../sql-dialect.ts";
import { requestCancel } from "./cancel.ts";
import { Describe } from "./describe.ts";
import { isBroken, toError } from "./failure.ts";
import type { FieldDescription, PgClient, Submittable } from "./protocol.ts";
import type { RunQuery } from "./run-query.ts";

/** How the sessions of a database are set up, and what became of their queries. */
export interface SessionOptions {
  readonly statementTimeoutMs: number | undefined;
  readonly counters: CancelCounters;
  /** Whether the server takes `client_connection_check_interval`: found out when it does not. */
  checksConnections: boolean;
}

/** Queries that were to stop while they ran. */
export interface CancelCounters {
  /** Asked to stop. */
  requested: number;
  /** Ready again soon after: the connection went back to the pool. */
  drained: number;
  /** Not ready in time: the connection was destroyed. */
  destroyed: number;
}

/** How long a query that was told to stop may take to do so, in ms; then its connection is destroyed. */
const DRAIN_MS = 500;
/** How long a transaction may wait for its reader between two statements, in ms. */
const IDLE_MS = 60_000;

/**
 * One read-only transaction on a connection of the pool. It ends in one way: `commit`, `rollback`, or `stop` of a query that
 * runs; then the connection is back, or gone.
 */
export class Session {
  readonly #client: PgClient;
  readonly #options: SessionOptions;
  readonly #giveBack: () => void;
  #released = false;
  /** Told when the connection is back, or gone. */
  onReleased: (() => void) | undefined;

  private constructor(client: PgClient, options: SessionOptions, giveBack: () => void) {
    this.#client = client;
    this.#options = options;
    this.#giveBack = giveBack;
    client.on("error", ignore);
  }

  /**
   * Takes a connection, and begins.
   *
   * @param giveBack - called when the session has ended, or could not begin
   * @throws as `toError` says
   */
  static async begin(pool: pg.Pool, timeZone: string, options: SessionOptions, giveBack: () => void): Promise<Session> {
    for (let left = pool.options.max; ; left--) {
      let client: PgClient;
      try {
        client = (await pool.connect()) as PgClient;
      } catch (error) {
        giveBack();
        throw toError(error);
      }
      const session = new Session(client, options, giveBack);
      try {
        await session.#setUp(timeZone);
        return session;
      } catch (error) {
        // A connection that broke while it was idle, which is known only now: nothing has run yet.
        if (left > 0 && isBroken(error)) client.release(error as Error);
        else {
          await session.rollback();
          throw toError(error);
        }
      }
    }
  }

  /** As {@link Describe}. */
  describe(sql: string): Promise<FieldDescription[]> {
    return new Promise((resolve, reject) => {
      this.submit(new Describe(sql, (result) => ("error" in result ? reject(result.error) : resolve(result.fields))));
    });
  }

  /** Rows of a small query of ours, as arrays of text. */
  async read(sql: string, values: readonly unknown[] = []): Promise<(string | null)[][]> {
    const { rows } = await this.#client.query({ text: sql, values: [...values], rowMode: "array", types: AS_TEXT });
    return rows as (string | null)[][];
  }

  submit(query: Submittable): void {
    this.#client.query(query as unknown as pg.Submittable);
  }

  commit(): Promise<void> {
    return this.#end("COMMIT");
  }

  rollback(): Promise<void> {
    return this.#end("ROLLBACK");
  }

  /**
   * Stops a query that runs, in whatever state it is: CPU-bound, it heeds a cancel request; blocked in sending, only when what
   * it sends is read, or its connection is gone.
   *
   * @param error - for who waits for its rows
   */
  async stop(query: RunQuery, ended: Promise<void>, error?: Error): Promise<void> {
    const { counters } = this.#options;
    counters.requested++;
    // A portal that waits runs nothing.
    const cancelled = query.isWaiting ? undefined : requestCancel(this.#client);
    query.discard(error);
    const isDrained = await inTime(ended, DRAIN_MS);
    if (!isDrained) {
      counters.destroyed++;
      return this.destroy();
    }
    counters.drained++;
    await cancelled;
    await this.rollback();
  }

  /** Ends the connection, now. */
  destroy(): void {
    if (this.#released) return;
    this.#client.connection.stream.destroy();
    this.#release(new Error("Its query did not stop"));
  }

  async #setUp(timeZone: string): Promise<void> {
    const { statementTimeoutMs, checksConnections } = this.#options;
    const settings: Record<string, string> = {
      TimeZone: timeZone,
      DateStyle: "ISO, YMD",
      IntervalStyle: "iso_8601",
      bytea_output: "hex",
      extra_float_digits: "1",
      standard_conforming_strings: "on",
      client_encoding: "UTF8",
      idle_in_transaction_session_timeout: String(IDLE_MS),
      ...(statementTimeoutMs === undefined ? {} : { statement_timeout: String(statementTimeoutMs) }),
      // A backend that computes finds out by it that its client is gone.
      ...(checksConnections ? { client_connection_check_interval: "2s" } : {}),
    };
    const set = Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = ${quoteText(value)}`);
    try {
      await this.#client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${set.join("; ")}`);
    } catch (error) {
      // Before version 14, and on some systems, it is not there.
      if (!checksConnections || !/client_connection_check_interval/u.test((error as Error).message)) throw error;
      this.#options.checksConnections = false;
      await this.#client.query("ROLLBACK");
      await this.#setUp(timeZone);
    }
  }

  async #end(command: string): Promise<void> {
    if (this.#released) return;
    try {
      await this.#client.query(command);
      this.#release();
    } catch (error) {
      this.#release(error as Error);
    }
  }

  /** @param error - the connection is not one that can be used again */
  #release(error?: Error): void {
    if (this.#released) return;
    this.#released = true;
    // `pg` tells of a connection that is gone later than it is.
    if (!error) this.#client.removeListener("error", ignore);
    this.#client.release(error);
    this.#giveBack();
    this.onReleased?.();
  }
}

const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

/** A connection that breaks tells its query, too, where it has one. */
function ignore(): void {}

async function inTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
