import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SluiceError } from "../errors.ts";
import { assertMs, optionError } from "../http/response-options.ts";
import type {
  AppendRequest,
  AppendResult,
  CreateRequest,
  CreateResult,
  EventLog,
  InfoResult,
  Lease,
  Position,
  ReadLimits,
  ReadResult,
  Retention,
  StreamInfo,
} from "./event-log.ts";
import { LogWatchers } from "./log-watchers.ts";
import type { Moment, PackedReadResult, ReaderCalls, WriterCalls } from "./sqlite/calls.ts";
import { ThreadClient } from "./sqlite/thread-client.ts";
import { Uses } from "./sqlite/uses.ts";

export interface SqliteLogOptions {
  /** Of the file, from the current directory. It is made where there is none; its folder has to be there. */
  path: string | URL;
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

// In the sources this file ends in `.ts`, where it was built in `.js`: so do the threads.
const [WRITER, READER] = import.meta.url.endsWith(".ts")
  ? [new URL("./sqlite/writer.ts", import.meta.url), new URL("./sqlite/reader.ts", import.meta.url)]
  : [new URL("./sqlite/writer.js", import.meta.url), new URL("./sqlite/reader.js", import.meta.url)];

/**
 * A log in a SQLite file, for one process at a time; others may read the file while it is open. What it has acknowledged is on the
 * disk: appends that wait for that at the same time wait together.
 *
 * Two threads have the file open, one that writes and one that reads, so that neither a disk nor a long read holds up anybody here.
 * The space of what was trimmed or deleted is used again; the file does not become smaller.
 *
 * @returns rejects with SluiceError `ERR_LOG` where the file cannot be opened or made, is in use, damaged, of another program or of
 *   a newer version; nothing is changed then
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export async function sqliteLog(options: SqliteLogOptions): Promise<EventLog> {
  const { path, producerTtlMs = WEEK_MS, now = Date.now } = options;
  const file = path instanceof URL && path.protocol === "file:" ? fileURLToPath(path) : path;
  if (typeof file !== "string" || file === "" || file === ":memory:") throw optionError("path", "a file's", path);
  assertMs("producerTtlMs", producerTtlMs);
  const watchers = new LogWatchers();
  const thread = {
    path: resolve(file),
    producerTtlMs,
    onChanged: (names: readonly string[]): void => names.forEach((name) => watchers.tell(name)),
  };
  const writer = new ThreadClient<WriterCalls>(WRITER, thread);
  await writer.opened;
  const reader = new ThreadClient<ReaderCalls>(READER, thread);
  try {
    await reader.opened;
  } catch (error) {
    await writer.close();
    throw error;
  }
  return new SqliteLog(writer, reader, watchers, now);
}

class SqliteLog implements EventLog {
  readonly #writer: ThreadClient<WriterCalls>;
  readonly #reader: ThreadClient<ReaderCalls>;
  readonly #watchers: LogWatchers;
  readonly #now: () => number;
  readonly #uses = new Uses();
  readonly #sweeper: NodeJS.Timeout;
  /** Reads that the thread will be told of, so that those who want the same get the same. */
  readonly #reads = new Map<string, Promise<ReadResult>>();
  #closing: Promise<void> | undefined;

  constructor(
    writer: ThreadClient<WriterCalls>,
    reader: ThreadClient<ReaderCalls>,
    watchers: LogWatchers,
    now: () => number,
  ) {
    this.#writer = writer;
    this.#reader = reader;
    this.#watchers = watchers;
    this.#now = now;
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  async create(name: string, request: CreateRequest): Promise<CreateResult> {
    const { messages, transfer } = pack(request.messages);
    const moment = request.fork ? this.#moment(name, request.fork.from) : this.#moment(name);
    return this.#open(this.#writer).call(moment, "create", [name, { ...request, messages }], transfer);
  }

  async append(name: string, request: AppendRequest): Promise<AppendResult> {
    const { messages, transfer } = pack(request.messages);
    const moment = this.#moment(name);
    const result = await this.#open(this.#writer).call(moment, "append", [name, { ...request, messages }], transfer);
    // What was appended is written down with the time of it; what changes nothing is not.
    if (result.status === "appended" || result.status === "duplicate") this.#use(name, result.info, moment);
    return result;
  }

  read(name: string, after: Position, { maxBytes, maxMessages }: ReadLimits): Promise<ReadResult> {
    const key = `${after} ${maxBytes} ${maxMessages} ${name}`;
    const known = this.#reads.get(key);
    if (known) return known;
    const read = this.#read(name, after, { maxBytes, maxMessages });
    // Those who ask after the thread was told must see what has been appended meanwhile.
    if (this.#reads.size === 0) process.nextTick(() => this.#reads.clear());
    this.#reads.set(key, read);
    return read;
  }

  async info(name: string): Promise<InfoResult> {
    return this.#open(this.#reader).call(this.#moment(name), "info", [name]);
  }

  async list(prefix: string, options: { after?: string; limit?: number } = {}): Promise<string[]> {
    const { after = "", limit = DEFAULT_LIST } = options;
    return this.#open(this.#reader).call(this.#moment(), "list", [prefix, after, limit]);
  }

  watch(name: string, listener: () => void): () => void {
    return this.#watchers.add(name, listener);
  }

  async trim(name: string, retention: Retention): Promise<InfoResult> {
    return this.#open(this.#writer).call(this.#moment(name), "trim", [name, retention]);
  }

  async touch(name: string): Promise<InfoResult> {
    const moment = this.#moment(name);
    const result = await this.#open(this.#reader).call(moment, "info", [name]);
    if (result.status === "there") this.#use(name, result.info, moment);
    return result;
  }

  async delete(name: string): Promise<{ status: "deleted" | "missing" | "gone" }> {
    return this.#open(this.#writer).call(this.#moment(name), "delete", [name]);
  }

  async acquireLease(name: string, holder: string, ms: number): Promise<Lease | undefined> {
    return this.#open(this.#writer).call(this.#moment(name), "acquireLease", [name, holder, ms]);
  }

  async renewLease(name: string, lease: Lease, ms: number): Promise<boolean> {
    return this.#open(this.#writer).call(this.#moment(name), "renewLease", [name, lease, ms]);
  }

  async releaseLease(name: string, lease: Lease): Promise<void> {
    return this.#open(this.#writer).call(this.#moment(name), "releaseLease", [name, lease]);
  }

  async abandoned(): Promise<string[]> {
    return this.#open(this.#writer).call(this.#moment(), "abandoned", []);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper);
    // The last to close the file puts the write-ahead log into it.
    await this.#reader.close();
    await this.#sweep();
    await this.#writer.close();
  }

  async #read(name: string, after: Position, limits: ReadLimits): Promise<ReadResult> {
    const moment = this.#moment(name);
    const result = await this.#open(this.#reader).call(moment, "read", [name, after, limits]);
    if ("info" in result) this.#use(name, result.info, moment);
    return unpack(result);
  }

  async #sweep(): Promise<void> {
    const uses = this.#uses.all();
    try {
      await this.#writer.call({ nowMs: this.#now(), uses }, "sweep", []);
      this.#uses.forget(uses);
    } catch {
      // What cannot be written down now is later; what is over is told so by its age.
    }
  }

  #open<T>(thread: T): T {
    if (this.#closing) throw new SluiceError("ERR_LOG", "The log is closed");
    return thread;
  }

  /** @param names - of the streams that it is about; none for all */
  #moment(...names: string[]): Moment {
    return { nowMs: this.#now(), uses: names.length === 0 ? this.#uses.all() : this.#uses.of(names) };
  }

  #use(name: string, { generation, config }: StreamInfo, { nowMs: atMs }: Moment): void {
    if (config.ttlSeconds !== undefined) this.#uses.add(name, { generation, atMs });
  }
}

/** Messages in one piece of memory, which can be handed over. */
function pack(messages: readonly Uint8Array[]): { messages: Uint8Array[]; transfer: ArrayBuffer[] } {
  const bytes = new Uint8Array(messages.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let end = 0;
  const packed = messages.map((message) => {
    bytes.set(message, end);
    end += message.byteLength;
    return bytes.subarray(end - message.byteLength, end);
  });
  return { messages: packed, transfer: [bytes.buffer] };
}

function unpack(result: PackedReadResult): ReadResult {
  if (result.status !== "page") return result;
  const { info, from, bytes, lengths } = result;
  let end = 0;
  const messages = lengths.map((length) => bytes.subarray(end, (end += length)));
  return { status: "page", page: { info, messages, from, next: from + end } };
}
