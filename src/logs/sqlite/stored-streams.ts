import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Position, StreamInfo } from "../event-log.ts";
import type { NamedStream } from "../judge-create.ts";
import type { Moment } from "./calls.ts";

/** A row of `streams`, as far as it is needed again. */
export interface StreamRow {
  readonly stream: number;
  readonly name: string;
  readonly generation: string;
  readonly state: "there" | "gone" | "removed";
  readonly contentType: string;
  readonly ttlSeconds: number | null;
  readonly expiresAtMs: number | null;
  readonly isPublic: number | null;
  readonly origin: number | null;
  readonly originAt: number | null;
  readonly forks: number;
  readonly first: Position;
  readonly next: Position;
  readonly count: number;
  readonly closed: number;
  readonly failure: string | null;
  readonly seq: string | null;
  readonly leaseHolder: string | null;
  readonly leaseEpoch: number | null;
  readonly usedAtMs: number;
}

/** Messages of a fork, and of what it was forked from, lie in rows of different streams. */
export interface Segment {
  readonly stream: number;
  readonly from: Position;
  readonly to: Position;
}

export const STREAM_COLUMNS = `stream, name, generation, state, content_type AS contentType, ttl_seconds AS ttlSeconds,
  expires_at_ms AS expiresAtMs, is_public AS isPublic, origin, origin_at AS originAt, forks, first, next, count, closed, failure,
  seq, lease_holder AS leaseHolder, lease_epoch AS leaseEpoch, used_at_ms AS usedAtMs`;

/** The rows of `streams`, to be looked up. */
export class StoredStreams {
  readonly #byName: StatementSync;
  readonly #byId: StatementSync;

  constructor(db: DatabaseSync) {
    this.#byName = db.prepare(`SELECT ${STREAM_COLUMNS} FROM streams WHERE name = ? AND state <> 'removed'`);
    this.#byId = db.prepare(`SELECT ${STREAM_COLUMNS} FROM streams WHERE stream = ?`);
  }

  find(name: string): StreamRow | undefined {
    return this.#byName.get(name) as StreamRow | undefined;
  }

  originOf({ origin }: StreamRow): StreamRow | undefined {
    return origin === null ? undefined : (this.#byId.get(origin) as StreamRow | undefined);
  }

  infoOf(row: StreamRow): StreamInfo {
    const { generation, contentType, ttlSeconds, expiresAtMs, isPublic, next, closed, failure } = row;
    return {
      config: {
        contentType,
        ttlSeconds: ttlSeconds ?? undefined,
        expiresAtMs: expiresAtMs ?? undefined,
        isPublic: isPublic === null ? undefined : isPublic === 1,
      },
      generation,
      first: this.firstOf(row),
      next,
      closed: closed === 1,
      failure: failure ?? undefined,
    };
  }

  namedOf(row: StreamRow): NamedStream {
    const origin = this.originOf(row);
    return {
      info: this.infoOf(row),
      isGone: row.state === "gone",
      origin: origin && { generation: origin.generation, at: row.originAt ?? 0 },
    };
  }

  /** What its origin has trimmed is gone for a fork, too. */
  firstOf(row: StreamRow): Position {
    let { first } = row;
    let upTo = row.originAt ?? 0;
    for (let origin = this.originOf(row); origin; origin = this.originOf(origin)) {
      first = Math.max(first, Math.min(origin.first, upTo));
      upTo = Math.min(upTo, origin.originAt ?? 0);
    }
    return first;
  }

  /** Where what comes behind a position lies, in order. */
  segmentsBehind(row: StreamRow, position: Position): Segment[] {
    const segments: Segment[] = [];
    let to = row.next;
    for (let at: StreamRow | undefined = row; at; at = this.originOf(at)) {
      const from = at.originAt ?? 0;
      if (from < to) segments.unshift({ stream: at.stream, from: Math.max(from, position), to });
      if (from <= position) break;
      to = Math.min(to, from);
    }
    return segments.filter(({ from, to: end }) => from < end);
  }
}

/** @param moment - when it is asked, and what has been used since the rows were written */
export function isExpired(row: StreamRow, { nowMs, uses }: Moment): boolean {
  const { name, ttlSeconds, expiresAtMs, generation } = row;
  if (expiresAtMs !== null && nowMs >= expiresAtMs) return true;
  if (ttlSeconds === null) return false;
  const use = uses.get(name);
  const usedAtMs = use?.generation === generation ? Math.max(use.atMs, row.usedAtMs) : row.usedAtMs;
  return nowMs >= usedAtMs + ttlSeconds * 1000;
}
