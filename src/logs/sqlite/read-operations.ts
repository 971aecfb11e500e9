import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { InfoResult, Position, ReadLimits } from "../event-log.ts";
import type { Moment, PackedReadResult, ReaderCalls } from "./calls.ts";
import { StoredMessages } from "./stored-messages.ts";
import { STREAM_COLUMNS, type StreamRow, StoredStreams, isExpired } from "./stored-streams.ts";

type Missing = { readonly status: "missing" | "gone" };

/** Calls that only read. */
export class ReadOperations implements ReaderCalls {
  readonly #streams: StoredStreams;
  readonly #messages: StoredMessages;
  readonly #names: StatementSync;

  constructor(db: DatabaseSync) {
    this.#streams = new StoredStreams(db);
    this.#messages = new StoredMessages(db, this.#streams);
    this.#names = db.prepare(
      `SELECT ${STREAM_COLUMNS} FROM streams WHERE state <> 'removed' AND name > ? AND name >= ? ORDER BY name`,
    );
  }

  read(moment: Moment, name: string, after: Position, limits: ReadLimits): PackedReadResult {
    const row = this.#find(name, moment);
    if ("status" in row) return row;
    const info = this.#streams.infoOf(row);
    if (after < info.first) return { status: "trimmed", info };
    return { status: "page", info, ...this.#messages.read(row, after, limits) };
  }

  info(moment: Moment, name: string): InfoResult {
    const row = this.#find(name, moment);
    return "status" in row ? row : { status: "there", info: this.#streams.infoOf(row) };
  }

  list(moment: Moment, prefix: string, after: string, limit: number): string[] {
    const names: string[] = [];
    if (limit <= 0) return names;
    for (const row of this.#names.iterate(after, prefix) as Iterable<unknown> as Iterable<StreamRow>) {
      if (!row.name.startsWith(prefix)) break;
      if (row.state === "there" && !isExpired(row, moment)) names.push(row.name);
      if (names.length >= limit) break;
    }
    return names;
  }

  /** What has expired is deleted by the thread that writes, and for others by now. */
  #find(name: string, moment: Moment): StreamRow | Missing {
    const row = this.#streams.find(name);
    if (!row) return { status: "missing" };
    if (row.state === "there" && !isExpired(row, moment)) return row;
    return { status: row.forks > 0 ? "gone" : "missing" };
  }
}
