import type { AppendRequest, Lease, Position, ReadLimits, Retention, StreamConfig, StreamInfo } from "./event-log.ts";
import type { NamedStream } from "./judge-create.ts";

interface Message {
  readonly bytes: Uint8Array;
  readonly end: Position;
  /** From the stream's first on, those of its origin included. */
  readonly number: number;
  readonly atMs: number;
}

interface Forked {
  readonly stream: MemoryStream;
  readonly at: Position;
}

/** One stream of a log in memory. */
export class MemoryStream {
  readonly name: string;
  readonly generation: string;
  readonly config: StreamConfig;
  readonly origin: Forked | undefined;
  readonly producers: Map<string, { epoch: number; seq: number; atMs: number }> = new Map();
  /** Streams that are forked from it, and need what it has. */
  forks = 0;
  deleted = false;
  closed = false;
  failure: string | undefined;
  seq: string | undefined;
  lease: (Lease & { untilMs: number }) | undefined;
  #messages: Message[] = [];
  /** How many of them have been trimmed. */
  #begin = 0;
  #first: Position = 0;
  #next: Position = 0;
  /** Of the last message. */
  #number = 0;
  #usedAtMs: number;

  constructor(
    { name, generation, config, origin }: Pick<MemoryStream, "name" | "generation" | "config" | "origin">,
    nowMs: number,
  ) {
    this.name = name;
    this.generation = generation;
    this.config = config;
    this.origin = origin;
    this.#usedAtMs = nowMs;
    if (!origin) return;
    origin.stream.forks++;
    this.#next = origin.at;
    // Where nothing comes behind, the fork is at the end.
    const [behind] = origin.stream.#behind(origin.at);
    const isInside = behind !== undefined && behind.end - behind.bytes.byteLength < origin.at;
    this.#number = behind ? behind.number - (isInside ? 0 : 1) : origin.stream.#number;
  }

  get first(): Position {
    const { origin } = this;
    // What its origin has trimmed is gone for it, too.
    return origin ? Math.max(this.#first, Math.min(origin.stream.first, origin.at)) : this.#first;
  }

  get info(): StreamInfo {
    const { config, generation, first, closed, failure } = this;
    return { config, generation, first, next: this.#next, closed, failure };
  }

  /** As `judge-create.ts` needs it. */
  get named(): NamedStream {
    const { info, deleted, origin } = this;
    return { info, isGone: deleted, origin: origin && { generation: origin.stream.generation, at: origin.at } };
  }

  isExpired(nowMs: number): boolean {
    const { ttlSeconds, expiresAtMs } = this.config;
    if (expiresAtMs !== undefined && nowMs >= expiresAtMs) return true;
    return ttlSeconds !== undefined && nowMs >= this.#usedAtMs + ttlSeconds * 1000;
  }

  use(nowMs: number): void {
    this.#usedAtMs = nowMs;
  }

  heldLease(nowMs: number): Lease | undefined {
    return this.lease && this.lease.untilMs > nowMs
      ? { holder: this.lease.holder, epoch: this.lease.epoch }
      : undefined;
  }

  isAbandoned(nowMs: number): boolean {
    return !this.closed && !this.deleted && this.lease !== undefined && this.lease.untilMs <= nowMs;
  }

  /** What is to be appended has been judged. */
  append({ messages, close, failure, seq, producer }: AppendRequest, nowMs: number): void {
    for (const bytes of messages) {
      if (bytes.byteLength === 0) continue;
      this.#next += bytes.byteLength;
      this.#messages.push({ bytes, end: this.#next, number: ++this.#number, atMs: nowMs });
    }
    if (seq !== undefined) this.seq = seq;
    if (producer) this.producers.set(producer.id, { epoch: producer.epoch, seq: producer.seq, atMs: nowMs });
    if (close) {
      this.closed = true;
      this.failure = failure;
      this.lease = undefined;
    }
  }

  /** What comes behind `after`, as far as the limits go; at least one message, where there is one. */
  read(
    after: Position,
    { maxBytes, maxMessages = Infinity }: ReadLimits,
  ): { messages: Uint8Array[]; from: Position; next: Position } {
    const messages: Uint8Array[] = [];
    const from = Math.min(after, this.#next);
    let next = from;
    for (const { bytes, end } of this.#behind(from)) {
      messages.push(bytes.subarray(bytes.byteLength - (end - next)));
      next = end;
      if (next - from >= maxBytes || messages.length >= maxMessages) break;
    }
    return { messages, from, next };
  }

  /** Where the `count`-th message behind a position ends. */
  endBehind(position: Position, count: number): Position | undefined {
    let left = count;
    for (const { end } of this.#behind(position)) if (--left === 0) return end;
    return undefined;
  }

  trim(
    { maxAgeMs = Infinity, maxBytes = Infinity, maxMessages = Infinity, before = 0 }: Retention,
    nowMs: number,
  ): void {
    const keepBehind = Math.max(before, this.#next - maxBytes);
    for (const { end, number, atMs } of this.#behind(this.first)) {
      if (end > keepBehind && number > this.#number - maxMessages && atMs >= nowMs - maxAgeMs) break;
      this.#first = end;
    }
    this.#begin = this.#indexBehind(this.#first);
    // Those that are gone are let go when they are half of all.
    if (this.#begin * 2 <= this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#begin);
    this.#begin = 0;
  }

  forgetProducers(beforeMs: number): void {
    for (const [id, { atMs }] of this.producers) if (atMs < beforeMs) this.producers.delete(id);
  }

  /** The messages that end behind a position, first those of what it is forked from. */
  *#behind(position: Position): Generator<Message> {
    const { origin } = this;
    if (origin && position < origin.at) {
      for (const message of origin.stream.#behind(position)) {
        const over = message.end - origin.at;
        if (over >= message.bytes.byteLength) break;
        yield over > 0 ? { ...message, bytes: message.bytes.subarray(0, -over), end: origin.at } : message;
        if (over >= 0) break;
      }
    }
    for (let index = this.#indexBehind(position); index < this.#messages.length; index++) yield this.#messages[index]!;
  }

  /** Of its own, the first message that ends behind a position. */
  #indexBehind(position: Position): number {
    let low = this.#begin;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#messages[middle]!.end > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
