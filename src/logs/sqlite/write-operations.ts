import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type {
  AppendRequest,
  AppendResult,
  CreateRequest,
  CreateResult,
  InfoResult,
  Lease,
  Retention,
} from "../event-log.ts";
import { isSameLease, judgeAppend } from "../judge-append.ts";
import { judgeCreate } from "../judge-create.ts";
import type { Moment, WriterCalls } from "./calls.ts";
import { StoredMessages } from "./stored-messages.ts";
import { type StreamRow, StoredStreams, isExpired } from "./stored-streams.ts";
import { Sweeper } from "./sweeper.ts";
import type { Tidier } from "./tidier.ts";
import { writeStatements } from "./write-statements.ts";

/** So many rows are kept at hand. */
const MAX_ROWS = 1000;

/** Calls that write, each within a transaction that somebody else begins and ends. */
export class WriteOperations implements WriterCalls {
  readonly #streams: StoredStreams;
  readonly #messages: StoredMessages;
  readonly #statements: ReturnType<typeof writeStatements>;
  readonly #sweeper: Sweeper;
  readonly #tidier: Tidier;
  readonly #producerTtlMs: number;
  /**
   * Until when leases are held, by epoch: they end with the log that they were taken of. Who has which, only the file says, so that a
   * change which fails leaves things as they were.
   */
  readonly #leasedUntilMs = new Map<number, number>();
  readonly #changed = new Set<string>();
  /** Rows that were looked up or appended to last: nobody else changes them. */
  readonly #rows = new Map<string, StreamRow>();

  /** @param tidier - is told when there is something to delete */
  constructor(db: DatabaseSync, tidier: Tidier, producerTtlMs: number) {
    this.#streams = new StoredStreams(db);
    this.#messages = new StoredMessages(db, this.#streams);
    this.#statements = writeStatements(db);
    this.#sweeper = new Sweeper(db, producerTtlMs);
    this.#tidier = tidier;
    this.#producerTtlMs = producerTtlMs;
  }

  /** Names of streams that may have changed since the last time. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** What has been looked up does not hold any more. */
  forgetRows(): void {
    this.#rows.clear();
  }

  create(moment: Moment, name: string, request: CreateRequest): CreateResult {
    const { fork, messages, closed } = request;
    const known = this.#find(name, moment);
    const origin = fork && this.#find(fork.from, moment);
    const judged = judgeCreate(request, {
      known: known && this.#streams.namedOf(known),
      origin: origin && this.#streams.namedOf(origin),
      endBehind: (position, count) => origin && this.#messages.endBehind(origin, position, count),
    });
    if (judged.status !== "create") return judged;
    const { config, at } = judged;
    const made = this.#statements.create.get({
      name,
      generation: randomBytes(8).toString("hex"),
      contentType: config.contentType,
      ttlSeconds: config.ttlSeconds ?? null,
      expiresAtMs: config.expiresAtMs ?? null,
      isPublic: config.isPublic === undefined ? null : Number(config.isPublic),
      origin: origin?.stream ?? null,
      originAt: at ?? null,
      count: origin && at !== undefined ? this.#messages.numberAt(origin, at) : 0,
      nowMs: moment.nowMs,
    }) as unknown as StreamRow;
    if (origin) this.#addForks(1, origin);
    const row = this.#write(made, { messages, close: closed }, moment);
    return { status: "created", info: this.#streams.infoOf(row) };
  }

  append(moment: Moment, name: string, request: AppendRequest): AppendResult {
    const row = this.#find(name, moment);
    if (!row || row.state === "gone") return { status: row ? "gone" : "missing" };
    const info = this.#streams.infoOf(row);
    const refusal = judgeAppend(request, {
      info,
      seq: row.seq ?? undefined,
      producer: request.producer && this.#knownProducer(row, request.producer.id, moment),
      lease: this.#heldLease(row, moment),
    });
    if (refusal) return refusal;
    const { next, closed, failure } = this.#write(row, request, moment);
    return { status: "appended", info: { ...info, next, closed: closed === 1, failure: failure ?? undefined } };
  }

  trim(moment: Moment, name: string, retention: Retention): InfoResult {
    const row = this.#find(name, moment);
    if (!row || row.state === "gone") return { status: row ? "gone" : "missing" };
    const { maxAgeMs = Infinity, maxBytes = Infinity, maxMessages = Infinity, before = 0 } = retention;
    const info = this.#streams.infoOf(row);
    const keepBehind = Math.max(before, row.next - maxBytes);
    const first = this.#messages.endOfLast(
      row,
      info.first,
      ({ end, number, atMs }) =>
        end <= keepBehind || number <= row.count - maxMessages || atMs < moment.nowMs - maxAgeMs,
    );
    if (first > info.first) {
      this.#statements.trim.run(first, row.stream);
      this.#rows.delete(name);
      this.#tidier.isNeeded = true;
    }
    return { status: "there", info: { ...info, first } };
  }

  delete(moment: Moment, name: string): { status: "deleted" | "missing" | "gone" } {
    const row = this.#find(name, moment);
    if (!row || row.state === "gone") return { status: row ? "gone" : "missing" };
    this.#remove(row);
    return { status: "deleted" };
  }

  acquireLease(moment: Moment, name: string, holder: string, ms: number): Lease | undefined {
    const row = this.#find(name, moment);
    if (!row || row.state === "gone") return undefined;
    let held = this.#heldLease(row, moment);
    if (held && held.holder !== holder) return undefined;
    if (!held) {
      const { epoch } = this.#statements.nextEpoch.get() as { epoch: number };
      this.#statements.setLease.run(holder, epoch, row.stream);
      this.#rows.delete(name);
      held = { holder, epoch };
    }
    this.#leasedUntilMs.set(held.epoch, moment.nowMs + ms);
    return held;
  }

  renewLease(moment: Moment, name: string, lease: Lease, ms: number): boolean {
    const row = this.#find(name, moment);
    if (!row || !isSameLease(lease, this.#heldLease(row, moment))) return false;
    this.#leasedUntilMs.set(lease.epoch, moment.nowMs + ms);
    return true;
  }

  releaseLease(moment: Moment, name: string, lease: Lease): void {
    const row = this.#find(name, moment);
    if (row && lease.holder === row.leaseHolder && lease.epoch === row.leaseEpoch) this.#giveBackLease(row);
  }

  abandoned(moment: Moment): string[] {
    const leased = this.#statements.leased.all() as unknown as StreamRow[];
    return leased.filter((row) => !this.#heldLease(row, moment) && !isExpired(row, moment)).map(({ name }) => name);
  }

  sweep(moment: Moment): void {
    this.#sweeper.writeUses(moment);
    this.forgetRows();
    for (const row of this.#sweeper.nextExpired(moment)) this.#remove(row);
    this.#sweeper.forgetProducers(moment);
    for (const [epoch, untilMs] of this.#leasedUntilMs) if (untilMs <= moment.nowMs) this.#leasedUntilMs.delete(epoch);
  }

  /** What has expired is deleted when it is looked for. */
  #find(name: string, moment: Moment): StreamRow | undefined {
    const row = this.#rows.get(name) ?? this.#streams.find(name);
    if (!row) return undefined;
    if (row.state === "gone" || !isExpired(row, moment)) {
      this.#keepRow(row);
      return row;
    }
    this.#remove(row);
    return this.#streams.find(name);
  }

  /** What is to be appended has been judged. @returns the row as it is then */
  #write(row: StreamRow, request: AppendRequest, { nowMs }: Moment): StreamRow {
    const { messages, close = false, producer } = request;
    const { stream, name } = row;
    let { next, count } = row;
    for (const message of messages) {
      if (message.byteLength === 0) continue;
      next += message.byteLength;
      const insert = isUtf8(message) ? this.#statements.insertText : this.#statements.insertBytes;
      insert.run(stream, next, ++count, nowMs, message);
    }
    const seq = request.seq ?? row.seq;
    const failure = close ? (request.failure ?? null) : null;
    this.#statements.update.run(next, count, Number(close), failure, seq, nowMs, stream);
    if (producer) this.#statements.setProducer.run(stream, producer.id, producer.epoch, producer.seq, nowMs);
    this.#changed.add(name);
    const written = { ...row, next, count, closed: Number(close), failure, seq, usedAtMs: nowMs };
    this.#keepRow(written);
    if (close) this.#giveBackLease(row);
    return written;
  }

  #knownProducer({ stream }: StreamRow, id: string, { nowMs }: Moment): { epoch: number; seq: number } | undefined {
    return this.#statements.producer.get(stream, id, nowMs - this.#producerTtlMs) as
      | { epoch: number; seq: number }
      | undefined;
  }

  #heldLease({ leaseHolder, leaseEpoch }: StreamRow, { nowMs }: Moment): Lease | undefined {
    if (leaseHolder === null || leaseEpoch === null) return undefined;
    const untilMs = this.#leasedUntilMs.get(leaseEpoch);
    return untilMs !== undefined && untilMs > nowMs ? { holder: leaseHolder, epoch: leaseEpoch } : undefined;
  }

  #giveBackLease({ stream, name, leaseHolder }: StreamRow): void {
    if (leaseHolder === null) return;
    this.#statements.setLease.run(null, null, stream);
    this.#rows.delete(name);
  }

  #addForks(count: number, { stream, name }: StreamRow): void {
    this.#statements.addForks.run(count, stream);
    this.#rows.delete(name);
  }

  #keepRow(row: StreamRow): void {
    if (this.#rows.size >= MAX_ROWS) this.#rows.clear();
    this.#rows.set(row.name, row);
  }

  /** What others are forked from is kept for them, and gone for all others. */
  #remove(row: StreamRow): void {
    this.#changed.add(row.name);
    this.#rows.delete(row.name);
    if (row.forks > 0) this.#statements.setGone.run(row.stream);
    let unused: StreamRow | undefined = row;
    while (unused && unused.forks === 0) {
      this.#statements.remove.run(unused.stream);
      this.#tidier.isNeeded = true;
      const origin = this.#streams.originOf(unused);
      if (!origin) return;
      this.#addForks(-1, origin);
      unused = origin.state === "gone" ? { ...origin, forks: origin.forks - 1 } : undefined;
    }
  }
}
