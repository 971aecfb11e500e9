import { randomBytes } from "node:crypto";
import { SluiceError } from "../errors.ts";
import type {
  AppendRequest,
  AppendResult,
  CreateRequest,
  CreateResult,
  EventLog,
  InfoResult,
  Lease,
  Page,
  Position,
  ReadLimits,
  ReadResult,
  Retention,
} from "./event-log.ts";
import { isSameLease, judgeAppend } from "./judge-append.ts";
import { judgeCreate } from "./judge-create.ts";
import { LogWatchers } from "./log-watchers.ts";
import { MemoryStream } from "./memory-stream.ts";

export interface MemoryLogOptions {
  /**
   * How long a producer's state is kept after its last append, in ms.
   * @defaultValue 604_800_000
   */
  producerTtlMs?: number;
  /** In ms since 1970. */
  now?: () => number;
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const SWEEP_MS = 1000;
const DEFAULT_LIST = 1000;

/** A log in this process's memory: it goes with it. */
export function memoryLog(options: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(options);
}

class MemoryLog implements EventLog {
  readonly #streams = new Map<string, MemoryStream>();
  readonly #watchers = new LogWatchers();
  readonly #producerTtlMs: number;
  readonly #now: () => number;
  readonly #sweeper: NodeJS.Timeout;
  #epoch = 0;
  #isClosed = false;

  constructor({ producerTtlMs = WEEK_MS, now = Date.now }: MemoryLogOptions) {
    this.#producerTtlMs = producerTtlMs;
    this.#now = now;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  async create(name: string, request: CreateRequest): Promise<CreateResult> {
    const { fork, messages, closed } = request;
    const known = this.#find(name);
    const origin = fork && this.#find(fork.from);
    const judged = judgeCreate(request, {
      known: known?.named,
      origin: origin?.named,
      endBehind: (position, count) => origin?.endBehind(position, count),
    });
    if (judged.status !== "create") return judged;
    const { config, at } = judged;
    const generation = randomBytes(8).toString("hex");
    const forked = origin && at !== undefined ? { stream: origin, at } : undefined;
    const now = this.#now();
    const stream = new MemoryStream({ name, generation, config, origin: forked }, now);
    stream.append({ messages, close: closed }, now);
    this.#streams.set(name, stream);
    this.#watchers.tell(name);
    return { status: "created", info: stream.info };
  }

  async append(name: string, request: AppendRequest): Promise<AppendResult> {
    const stream = this.#find(name);
    if (!stream || stream.deleted) return { status: stream ? "gone" : "missing" };
    const now = this.#now();
    const refusal = judgeAppend(request, {
      info: stream.info,
      seq: stream.seq,
      producer: request.producer && this.#knownProducer(stream, request.producer.id),
      lease: stream.heldLease(now),
    });
    if (!refusal || refusal.status === "appended" || refusal.status === "duplicate") stream.use(now);
    if (refusal) return refusal;
    stream.append(request, now);
    this.#watchers.tell(name);
    return { status: "appended", info: stream.info };
  }

  async read(name: string, after: Position, limits: ReadLimits): Promise<ReadResult> {
    const stream = this.#find(name);
    if (!stream || stream.deleted) return { status: stream ? "gone" : "missing" };
    stream.use(this.#now());
    if (after < stream.first) return { status: "trimmed", info: stream.info };
    const page: Page = { ...stream.read(after, limits), info: stream.info };
    return { status: "page", page };
  }

  async info(name: string): Promise<InfoResult> {
    return describe(this.#find(name));
  }

  async list(prefix: string, options: { after?: string; limit?: number } = {}): Promise<string[]> {
    const { after = "", limit = DEFAULT_LIST } = options;
    const names = this.#there().map(({ name }) => name);
    return names
      .filter((name) => name.startsWith(prefix) && compareBytes(name, after) > 0)
      .toSorted(compareBytes)
      .slice(0, limit);
  }

  watch(name: string, listener: () => void): () => void {
    return this.#watchers.add(name, listener);
  }

  async trim(name: string, retention: Retention): Promise<InfoResult> {
    const stream = this.#find(name);
    if (stream && !stream.deleted) stream.trim(retention, this.#now());
    return describe(stream);
  }

  async touch(name: string): Promise<InfoResult> {
    const stream = this.#find(name);
    stream?.use(this.#now());
    return describe(stream);
  }

  async delete(name: string): Promise<{ status: "deleted" | "missing" | "gone" }> {
    const stream = this.#find(name);
    if (!stream || stream.deleted) return { status: stream ? "gone" : "missing" };
    this.#remove(stream);
    return { status: "deleted" };
  }

  async acquireLease(name: string, holder: string, ms: number): Promise<Lease | undefined> {
    const stream = this.#find(name);
    const now = this.#now();
    if (!stream || stream.deleted) return undefined;
    const held = stream.heldLease(now);
    if (held && held.holder !== holder) return undefined;
    const lease = held ?? { holder, epoch: ++this.#epoch };
    stream.lease = { ...lease, untilMs: now + ms };
    return lease;
  }

  async renewLease(name: string, lease: Lease, ms: number): Promise<boolean> {
    const stream = this.#find(name);
    const now = this.#now();
    if (!stream || !isSameLease(lease, stream.heldLease(now))) return false;
    stream.lease = { ...lease, untilMs: now + ms };
    return true;
  }

  async releaseLease(name: string, lease: Lease): Promise<void> {
    const stream = this.#find(name);
    if (stream?.lease && isSameLease(lease, stream.lease)) stream.lease = undefined;
  }

  async abandoned(): Promise<string[]> {
    const now = this.#now();
    const left = this.#there().filter((stream) => stream.isAbandoned(now));
    return left.map(({ name }) => name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    this.#streams.clear();
  }

  #knownProducer(stream: MemoryStream, id: string): { epoch: number; seq: number } | undefined {
    const known = stream.producers.get(id);
    return known && known.atMs >= this.#now() - this.#producerTtlMs ? known : undefined;
  }

  #find(name: string): MemoryStream | undefined {
    this.#assertOpen();
    const stream = this.#streams.get(name);
    if (!stream || stream.deleted || !stream.isExpired(this.#now())) return stream;
    this.#remove(stream);
    return this.#streams.get(name);
  }

  #there(): MemoryStream[] {
    this.#assertOpen();
    const now = this.#now();
    return [...this.#streams.values()].filter((stream) => !stream.deleted && !stream.isExpired(now));
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new SluiceError("ERR_LOG", "The log is closed");
  }

  /** What others are forked from is kept for them, and gone for all others. */
  #remove(stream: MemoryStream): void {
    stream.deleted = true;
    stream.lease = undefined;
    this.#watchers.tell(stream.name);
    for (let unused: MemoryStream | undefined = stream; unused?.deleted && unused.forks === 0;) {
      if (this.#streams.get(unused.name) === unused) this.#streams.delete(unused.name);
      const origin: MemoryStream | undefined = unused.origin?.stream;
      if (origin) origin.forks--;
      unused = origin;
    }
  }

  #sweep(): void {
    const now = this.#now();
    for (const stream of this.#streams.values()) {
      if (!stream.deleted && stream.isExpired(now)) this.#remove(stream);
      else stream.forgetProducers(now - this.#producerTtlMs);
    }
  }
}

function describe(stream: MemoryStream | undefined): InfoResult {
  if (!stream) return { status: "missing" };
  return stream.deleted ? { status: "gone" } : { status: "there", info: stream.info };
}

/** As `EventLog.list` orders names. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
