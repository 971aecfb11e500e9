import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { unref } from "../../core/clocks.ts";
import { HttpError } from "../../errors.ts";
import { takeFolder } from "./spool-owner.ts";
import { DATA_EXTENSION, RECORD_EXTENSION, type SpoolRecord, readRecord, writeRecord } from "./spool-record.ts";
import { type SpoolSource, SpooledBody, type SpooledBodyOwner } from "./spooled-body.ts";

export interface SpoolOptions {
  /** Where bodies are kept: of this process alone while it runs. It is made where it is missing. */
  folder: string;
  /**
   * What all bodies may have together, in bytes.
   * @defaultValue 10 GiB
   */
  maxBytes?: number | undefined;
  /**
   * How long a body is kept after its end, in ms.
   * @defaultValue 3_600_000
   */
  ttlMs?: number | undefined;
}

/** What a body is, before its bytes are. */
export interface SpoolPlan {
  /** Requests with the same one get the same bytes. */
  readonly key: string | undefined;
  /** Whose it is: {@link Spool.get} finds it in none but the same. */
  readonly scope: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ID_BYTES = 16;
/** How often what is too old is looked for, in ms: at most. */
const SWEEP_MS = 30_000;
/** What is said of a body whose writer did not live to end it. */
const INTERRUPTED = { message: "The server was stopped while it was made", status: 410 };

/**
 * A folder of bodies that are made once and read many times, also while they are made. Finished ones outlive the process, and
 * are served as before by the next; one that was not finished has failed.
 */
export class Spool {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #ttlMs: number;
  readonly #giveUp: () => void;
  readonly #owner: SpooledBodyOwner;
  readonly #bodies = new Map<string, SpooledBody>();
  readonly #byKey = new Map<string, SpooledBody>();
  /** Those that are being begun, by key. */
  readonly #beginning = new Map<string, Promise<SpooledBody>>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #usedBytes = 0;
  #closed = false;

  private constructor({ folder, maxBytes = 10 * 1024 ** 3, ttlMs = 3_600_000 }: SpoolOptions, giveUp: () => void) {
    this.#folder = resolve(folder);
    this.#maxBytes = maxBytes;
    this.#ttlMs = ttlMs;
    this.#giveUp = giveUp;
    this.#owner = {
      folder: this.#folder,
      reserve: (bytes) => this.#makeRoom(bytes),
      count: (bytes) => (this.#usedBytes += bytes),
      free: (bytes) => (this.#usedBytes -= bytes),
    };
    this.#sweeper = unref(setInterval(() => void this.#sweep(), Math.min(SWEEP_MS, Math.max(ttlMs / 4, 100))));
  }

  /**
   * Opens a folder, and looks through it.
   *
   * @throws Error where another process has it, or it cannot be written to
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const folder = resolve(options.folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const spool = new Spool(options, takeFolder(folder));
    try {
      await spool.#load();
      return spool;
    } catch (error) {
      await spool.close();
      throw error;
    }
  }

  /** Bytes of all bodies. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Newest first. */
  list(): SpooledBody[] {
    return [...this.#bodies.values()].toSorted((a, b) => b.record.createdAt - a.record.createdAt);
  }

  /** @param scope - without it, whosever it is */
  get(id: string, scope?: string): SpooledBody | undefined {
    const body = this.#bodies.get(id);
    if (!body || this.#isExpired(body) || (scope !== undefined && body.record.scope !== scope)) return undefined;
    return body;
  }

  /**
   * The body of a key: the one that there is, or is just being begun, or a new one.
   *
   * @param make - called where there is none
   */
  async share(plan: SpoolPlan, make: () => SpoolSource | Promise<SpoolSource>): Promise<SpooledBody> {
    const { key } = plan;
    if (key === undefined) return this.#begin(plan, await make());
    const known = this.find(key) ?? this.#beginning.get(key);
    if (known) return known;
    const beginning = Promise.try(make).then((source) => this.#begin(plan, source));
    this.#beginning.set(key, beginning);
    try {
      return await beginning;
    } finally {
      this.#beginning.delete(key);
    }
  }

  /** The body that was made for a key, or still is: one that has failed is made anew. */
  find(key: string): SpooledBody | undefined {
    const body = this.#byKey.get(key);
    return !body || body.record.state === "failed" || this.#isExpired(body) ? undefined : body;
  }

  /**
   * Begins to make a body, at full speed, whoever reads it. The source is cancelled where it cannot be begun.
   *
   * @throws HttpError 507 where the spool is full, or its disk
   */
  async #begin({ key, scope, headers }: SpoolPlan, source: SpoolSource): Promise<SpooledBody> {
    const record: SpoolRecord = {
      id: randomBytes(ID_BYTES).toString("hex"),
      key,
      scope,
      state: "writing",
      createdAt: Date.now(),
      endedAt: undefined,
      byteLength: undefined,
      sha256: undefined,
      failure: undefined,
      headers,
      details: {},
    };
    try {
      if (this.#closed) throw new HttpError(503, "The spool was closed");
      this.#makeRoom(1);
      const body = await SpooledBody.begin(this.#owner, record, source);
      this.#add(body);
      return body;
    } catch (error) {
      source.puller.cancel(error);
      throw (error as NodeJS.ErrnoException).code === "ENOSPC" ? new HttpError(507, "The spool's disk is full") : error;
    }
  }

  /** Removes a body: whoever makes it, or reads it, is stopped. */
  async remove(body: SpooledBody): Promise<void> {
    const { id, key } = body.record;
    this.#bodies.delete(id);
    if (key !== undefined && this.#byKey.get(key) === body) this.#byKey.delete(key);
    await body.remove();
  }

  /** Stops what is being made. What is finished stays. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweeper);
    const reason = new HttpError(INTERRUPTED.status, INTERRUPTED.message);
    await Promise.all([...this.#bodies.values()].map((body) => body.cancel(reason)));
    this.#giveUp();
  }

  #add(body: SpooledBody): void {
    const { id, key, createdAt } = body.record;
    this.#bodies.set(id, body);
    const known = key === undefined ? undefined : this.#byKey.get(key);
    if (key !== undefined && (!known || known.record.createdAt <= createdAt)) this.#byKey.set(key, body);
  }

  async #load(): Promise<void> {
    const names = readdirSync(this.#folder);
    const known = new Set<string>();
    for (const name of names.filter((each) => each.endsWith(RECORD_EXTENSION))) {
      const record = readRecord(join(this.#folder, name));
      if (record && name === record.id + RECORD_EXTENSION) {
        known.add(record.id);
        this.#add(SpooledBody.found(this.#owner, await this.#settle(record)));
      }
    }
    // What has no record was being begun, or removed. Files of others are left alone.
    for (const name of names) {
      const [, id = ""] = /^([0-9a-f]{32})\.(?:data|json\.new)$/u.exec(name) ?? [];
      const isLeft =
        id !== "" && (name.endsWith(".new") || !known.has(id) || this.#bodies.get(id)?.record.state !== "finished");
      if (isLeft) rmSync(join(this.#folder, name), { force: true });
    }
    await this.#sweep();
  }

  /** As the record of a body is to be read, whose writer has gone. */
  async #settle(record: SpoolRecord): Promise<SpoolRecord> {
    if (record.state === "failed") return record;
    if (record.state === "finished") {
      const data = statSync(join(this.#folder, record.id + DATA_EXTENSION), { throwIfNoEntry: false });
      if (data?.size === record.byteLength) return record;
    }
    const failed: SpoolRecord = {
      ...record,
      state: "failed",
      endedAt: record.endedAt ?? Date.now(),
      byteLength: undefined,
      sha256: undefined,
      failure: INTERRUPTED,
    };
    await writeRecord(join(this.#folder, record.id + RECORD_EXTENSION), failed);
    return failed;
  }

  #isExpired({ record: { endedAt } }: SpooledBody): boolean {
    return endedAt !== undefined && Date.now() - endedAt >= this.#ttlMs;
  }

  async #sweep(): Promise<void> {
    // Who reads one that is too old may end.
    const old = [...this.#bodies.values()].filter((body) => this.#isExpired(body) && body.readers === 0);
    await Promise.all(old.map((body) => this.remove(body)));
  }

  /** @throws HttpError 507 */
  #makeRoom(bytes: number): void {
    if (this.#usedBytes + bytes <= this.#maxBytes) return;
    throw new HttpError(507, "The spool is full: bodies that are kept have to expire, or to be removed");
  }
}
