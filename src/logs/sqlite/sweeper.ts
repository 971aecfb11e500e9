import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Moment } from "./calls.ts";
import { STREAM_COLUMNS, type StreamRow, isExpired } from "./stored-streams.ts";

/** So many rows are looked at in one sweep; the next goes on behind them. */
const ROWS_PER_SWEEP = 1000;

/** Finds what is over, a part of everything at a time. */
export class Sweeper {
  readonly #use: StatementSync;
  readonly #mortal: StatementSync;
  readonly #producers: StatementSync;
  readonly #forget: StatementSync;
  readonly #producerTtlMs: number;
  #behindStream = 0;
  #behindProducer: { stream: number; id: string } = { stream: 0, id: "" };

  constructor(db: DatabaseSync, producerTtlMs: number) {
    this.#producerTtlMs = producerTtlMs;
    this.#use = db.prepare(
      "UPDATE streams SET used_at_ms = ?1 WHERE name = ?2 AND state <> 'removed' AND generation = ?3 AND used_at_ms < ?1",
    );
    this.#mortal = db.prepare(
      `SELECT ${STREAM_COLUMNS} FROM streams WHERE stream > ? AND (ttl_seconds IS NOT NULL OR expires_at_ms IS NOT NULL)
         AND state = 'there' ORDER BY stream LIMIT ${ROWS_PER_SWEEP}`,
    );
    this.#producers = db.prepare(
      `SELECT stream, id, at_ms AS atMs FROM producers WHERE (stream, id) > (?, ?) ORDER BY stream, id
       LIMIT ${ROWS_PER_SWEEP}`,
    );
    this.#forget = db.prepare("DELETE FROM producers WHERE stream = ? AND id = ?");
  }

  writeUses({ uses }: Moment): void {
    for (const [name, { generation, atMs }] of uses) this.#use.run(atMs, name, generation);
  }

  nextExpired(moment: Moment): StreamRow[] {
    const rows = this.#mortal.all(this.#behindStream) as unknown as StreamRow[];
    this.#behindStream = rows.length < ROWS_PER_SWEEP ? 0 : rows.at(-1)!.stream;
    return rows.filter((row) => isExpired(row, moment));
  }

  forgetProducers({ nowMs }: Moment): void {
    const { stream, id } = this.#behindProducer;
    const rows = this.#producers.all(stream, id) as unknown as { stream: number; id: string; atMs: number }[];
    this.#behindProducer = rows.length < ROWS_PER_SWEEP ? { stream: 0, id: "" } : rows.at(-1)!;
    for (const row of rows) if (row.atMs < nowMs - this.#producerTtlMs) this.#forget.run(row.stream, row.id);
  }
}
