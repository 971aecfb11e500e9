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
/** How long the end of a transaction may take, in ms. */
const END_MS = 5_000;
/** How long a transaction may wait for its reader between two statements, in ms. */
const IDLE_MS = 60_000;
/** It has nothing to commit, and what a query has set for its session is undone. Locks outlive it, if nobody gives them back. */
const END = "ROLLBACK; SELECT pg_advisory_unlock_all()";

/**
 * One read-only transaction on a connection of the pool. It is ended by `end`, or by `stop` of a query that runs; then the
 * connection is back, or gone.
 */
export class Session {
  readonly #client: PgClient;
  readonly #options: SessionOptions;
  readonly #giveBack: () => void;
  readonly #signal: AbortSignal;
  /** Settled when the server has heard that what runs is to stop. */
  #cancelled: Promise<void> | undefined;
  #interruptTimer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;
  #released = false;
  /** Told when the connection is back, or gone. */
  onReleased: (() => void) | undefined;

  private constructor(client: PgClient, options: SessionOptions, signal: AbortSignal, giveBack: () => void) {
    this.#client = client;
    this.#options = options;
    this.#giveBack = giveBack;
    this.#signal = signal;
    client.on("error", ignore);
    signal.addEventListener("abort", this.#interrupt);
  }

  /**
   * Takes a connection, and begins.
   *
   * @param signal - stops whatever the session is doing, until {@link Session.handOver}: the call that waits for it rejects
   * @param giveBack - called when the session has ended, or could not begin
   * @throws as `toError` says; the signal's reason
   */
  static async begin(
    pool: pg.Pool,
    timeZone: string,
    options: SessionOptions,
    { signal, giveBack }: { signal: AbortSignal; giveBack: () => void },
  ): Promise<Session> {
    for (let left = pool.options.max; ; left--) {
      const session = new Session(await takeClient(pool, signal, giveBack), options, signal, giveBack);
      try {
        signal.throwIfAborted();
        await session.#setUp(timeZone);
        signal.throwIfAborted();
        return session;
      } catch (error) {
        // A connection that broke while it was idle, which is known only now: nothing has run yet.
        if (left > 0 && isBroken(error) && !signal.aborted) session.#discard(error as Error);
        else {
          await session.end();
          signal.throwIfAborted();
          throw toError(error);
        }
      }
    }
  }

  /** The session goes on without its signal: whoever has it stops it. */
  handOver(): void {
    this.#signal.removeEventListener("abort", this.#interrupt);
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

  /** Ends the transaction; the connection goes back to the pool. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
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
    if (!query.isWaiting) this.#cancelled = requestCancel(this.#client);
    query.discard(error);
    const isDrained = await inTime(ended, DRAIN_MS);
    if (!isDrained) {
      counters.destroyed++;
      return this.destroy();
    }
    counters.drained++;
    await this.end();
  }

  /** Ends the connection, now. */
  destroy(): void {
    if (this.#released) return;
    this.#client.connection.stream.destroy();
    this.#release(new Error("Its query did not stop"));
  }

  /** Stops a statement that gives its rows at once: as `stop` does, but whoever waits for it ends the session. */
  readonly #interrupt = (): void => {
    const { counters } = this.#options;
    counters.requested++;
    this.#cancelled = requestCancel(this.#client);
    this.#interruptTimer = setTimeout(() => {
      counters.destroyed++;
      this.#interruptTimer = undefined;
      this.destroy();
    }, DRAIN_MS);
  };

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

  async #end(): Promise<void> {
    // A signal to the backend that comes late would meet what runs next.
    if (!this.#released) await this.#cancelled;
    if (this.#released) return;
    const ended = this.#client.query(END);
    ended.catch(ignore);
    try {
      if (!(await inTime(ended, END_MS))) return this.destroy();
      this.#release();
    } catch (error) {
      this.#release(error as Error);
    }
  }

  /** @param error - the connection is not one that can be used again */
  #release(error?: Error): void {
    if (this.#released) return;
    this.#discard(error);
    this.#giveBack();
    this.onReleased?.();
  }

  #discard(error?: Error): void {
    this.#released = true;
    this.handOver();
    if (this.#interruptTimer) {
      clearTimeout(this.#interruptTimer);
      this.#options.counters.drained++;
    }
    // `pg` tells of a connection that is gone later than it is.
    if (!error) this.#client.removeListener("error", ignore);
    this.#client.release(error);
  }
}

/** A connection of the pool, which may be long in coming: who has left does not wait for it. */
async function takeClient(pool: pg.Pool, signal: AbortSignal, giveBack: () => void): Promise<PgClient> {
  // Of a URL that is none it throws.
  const connecting = Promise.try(() => pool.connect() as Promise<PgClient>);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort);
  });
  try {
    const client = signal.aborted ? undefined : await Promise.race([connecting, aborted]);
    if (client) return client;
  } catch (error) {
    giveBack();
    throw toError(error);
  } finally {
    signal.removeEventListener("abort", onAbort!);
  }
  void connecting
    .then(
      (client) => client.release(),
      () => {},
    )
    .then(giveBack);
  throw signal.reason;
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
