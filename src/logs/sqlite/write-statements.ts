import type { DatabaseSync, StatementSync } from "node:sqlite";
import { STREAM_COLUMNS } from "./stored-streams.ts";

/** What `write-operations.ts` has SQLite do. */
export function writeStatements(db: DatabaseSync): Readonly<Record<WriteStatement, StatementSync>> {
  const insert = (body: string): StatementSync =>
    db.prepare(`INSERT INTO messages (stream, end, number, at_ms, body) VALUES (?, ?, ?, ?, ${body})`);
  return {
    create: db.prepare(
      `INSERT INTO streams (name, generation, content_type, ttl_seconds, expires_at_ms, is_public, origin, origin_at,
         rows_from, next, count, created_at_ms, used_at_ms)
       VALUES (:name, :generation, :contentType, :ttlSeconds, :expiresAtMs, :isPublic, :origin, :originAt,
         ifnull(:originAt, 0), ifnull(:originAt, 0), :count, :nowMs, :nowMs)
       RETURNING ${STREAM_COLUMNS}`,
    ),
    addForks: db.prepare("UPDATE streams SET forks = forks + ? WHERE stream = ?"),
    insertText: insert("CAST(? AS TEXT)"),
    insertBytes: insert("?"),
    update: db.prepare(
      `UPDATE streams SET next = ?, count = ?, closed = ?, failure = ?, seq = ?, used_at_ms = ? WHERE stream = ?`,
    ),
    producer: db.prepare("SELECT epoch, seq FROM producers WHERE stream = ? AND id = ? AND at_ms >= ?"),
    setProducer: db.prepare(
      `INSERT INTO producers (stream, id, epoch, seq, at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, at_ms = excluded.at_ms`,
    ),
    trim: db.prepare("UPDATE streams SET first = ? WHERE stream = ?"),
    nextEpoch: db.prepare("UPDATE leases SET last_epoch = last_epoch + 1 RETURNING last_epoch AS epoch"),
    setLease: db.prepare("UPDATE streams SET lease_holder = ?, lease_epoch = ? WHERE stream = ?"),
    leased: db.prepare(
      `SELECT ${STREAM_COLUMNS} FROM streams WHERE lease_holder IS NOT NULL AND state = 'there' AND closed = 0`,
    ),
    setGone: db.prepare("UPDATE streams SET state = 'gone', lease_holder = NULL WHERE stream = ?"),
    // All that it has is trimmed, and so deleted step by step.
    remove: db.prepare("UPDATE streams SET state = 'removed', lease_holder = NULL, first = next WHERE stream = ?"),
  };
}

type WriteStatement =
  | "create"
  | "addForks"
  | "insertText"
  | "insertBytes"
  | "update"
  | "producer"
  | "setProducer"
  | "trim"
  | "nextEpoch"
  | "setLease"
  | "leased"
  | "setGone"
  | "remove";
