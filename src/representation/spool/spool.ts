import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { unref } from "../../core/clocks.ts";
import { HttpError } from "../../errors.ts";
import type { ContentCoding } from "../../http/negotiation.ts";
import { isDiskFull } from "./disk-full.ts";
import { openCodedSource } from "./coded-source.ts";
import { type RunLimitOptions, RunLimits } from "./run-limits.ts";
import { INTERRUPTED, settleFolder } from "./settle-folder.ts";
import { takeFolder } from "./spool-owner.ts";
import type { CodedAs, SpoolRecord } from "./spool-record.ts";
import { type SpoolSource, SpooledBody, type SpooledBodyOwner } from "./spooled-body.ts";

export interface SpoolOptions extends RunLimitOptions {
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
  readonly coded?: CodedAs;
}

const ID_BYTES = 16;
/** How often what is too old is looked for, in ms: at most. */
const SWEEP_MS = 30_000;
/** So much of the room is for bodies as they are: the same in a content coding must not be why one of them fails. */
const NOT_FOR_CODINGS = 1 / 8;

/**
 * A folder of bodies that are made once and read many times, also while they are made. Finished ones outlive the process, and
 * are served as before by the next; one that was not finished has failed.
 */
export class Spool {
  readonly #maxBytes: number;
  readonly #ttlMs: number;
  readonly #limits: RunLimits;
  readonly #giveUp: () => void;
  readonly #owner: SpooledBodyOwner;
  readonly #bodies = new Map<string, SpooledBody>();
  readonly #byKey = new Map<string, SpooledBody>();
  /** Those that are being begun, by key; of content codings, by what stands for them. */
  readonly #beginning = new Map<string, Promise<SpooledBody | undefined>>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #usedBytes = 0;
  #closed = false;

  private constructor(options: SpoolOptions, giveUp: () => void) {
    const { maxBytes = 10 * 1024 ** 3, ttlMs = 3_600_000 } = options;
    this.#maxBytes = maxBytes;
    this.#ttlMs = ttlMs;
    this.#limits = new RunLimits(options);
    this.#giveUp = giveUp;
    this.#owner = {
      folder: resolve(options.folder),
      code: (body, coding) => this.#code(body, coding),
      reserve: (bytes, { coded }) => this.#makeRoom(bytes, coded !== undefined),
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
      for (const record of await settleFolder(folder)) spool.#add(SpooledBody.found(spool.#owner, record));
      await spool.#sweep();
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
   * The body of a key: the one that there is, or is just being begun, or a new one, which is made at full speed, whoever reads it.
   *
   * @param make - called where there is none, and room for one. Its source is cancelled where it cannot be begun
   * @throws HttpError 507 where the spool is full, or its disk; 503 where too many are being made, or the spool was closed
   */
  async share(plan: SpoolPlan, make: () => SpoolSource | Promise<SpoolSource>): Promise<SpooledBody> {
    const { key } = plan;
    if (key === undefined) return this.#make(plan, make);
    return this.find(key) ?? this.#once(key, () => this.#make(plan, make));
  }

  /** The body that was made for a key, or still is: one that has failed is made anew. */
  find(key: string): SpooledBody | undefined {
    const body = this.#byKey.get(key);
    return !body || body.record.state === "failed" || this.#isExpired(body) ? undefined : body;
  }

  /** Whether there is a body of a key, or one is being begun. */
  has(key: string): boolean {
    return this.find(key) !== undefined || this.#beginning.has(key);
  }

  /** Removes a body: whoever makes it, or reads it, is stopped. */
  async remove(body: SpooledBody): Promise<void> {
    const { id, key } = body.record;
    this.#bodies.delete(id);
    if (key !== undefined && this.#byKey.get(key) === body) this.#byKey.delete(key);
    await Promise.all([body, ...body.codings.values()].map((each) => each.remove()));
  }

  /** Stops what is being made. What is finished stays. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweeper);
    const reason = new HttpError(INTERRUPTED.status, INTERRUPTED.message);
    const all = [...this.#bodies.values()].flatMap((body) => [body, ...body.codings.values()]);
    await Promise.all(all.map((body) => body.cancel(reason)));
    this.#giveUp();
  }

  async #make(plan: SpoolPlan, make: () => SpoolSource | Promise<SpoolSource>): Promise<SpooledBody> {
    this.#assertOpen();
    this.#makeRoom(1);
    const leave = this.#limits.enter(plan.scope);
    try {
      const body = await this.#begin(plan, await make());
      void body.ended.then(leave);
      return body;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #begin({ key, scope, headers, coded }: SpoolPlan, source: SpoolSource): Promise<SpooledBody> {
    const record: SpoolRecord = {
      id: randomBytes(ID_BYTES).toString("hex"),
      key,
      coded,
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
      this.#assertOpen();
      const body = await SpooledBody.begin(this.#owner, record, source);
      this.#add(body);
      // It was closed meanwhile, and has stopped all but this one.
      if (this.#closed) await body.cancel(new HttpError(INTERRUPTED.status, INTERRUPTED.message));
      return body;
    } catch (error) {
      source.puller.cancel(error);
      throw isDiskFull(error) ? new HttpError(507, "The spool's disk is full") : error;
    }
  }

  /** @returns undefined where there is no room, or it has failed: the body is sent as it is then */
  async #code(body: SpooledBody, coding: ContentCoding): Promise<SpooledBody | undefined> {
    const { id, scope, headers } = body.record;
    const known = body.codings.get(coding);
    if (known) return known.record.state === "failed" ? undefined : known;
    return this.#once(`${coding} ${id}`, async () => {
      try {
        this.#makeRoom(1, true);
        const source = await openCodedSource(body, coding);
        return source && (await this.#begin({ key: undefined, scope, headers, coded: { of: id, coding } }, source));
      } catch {
        // A file more is not worth an error: the disk is full, or the body was just removed.
        return undefined;
      }
    });
  }

  /** What is under way by a key is waited for, not begun again. */
  async #once<Begun extends SpooledBody | undefined>(key: string, begin: () => Promise<Begun>): Promise<Begun> {
    const under = this.#beginning.get(key);
    if (under) return under as Promise<Begun>;
    const beginning = begin();
    this.#beginning.set(key, beginning);
    try {
      return await beginning;
    } finally {
      this.#beginning.delete(key);
    }
  }

  #add(body: SpooledBody): void {
    const { id, key, createdAt, coded } = body.record;
    if (coded) return this.#addCoded(body, coded);
    this.#bodies.set(id, body);
    const known = key === undefined ? undefined : this.#byKey.get(key);
    if (key !== undefined && (!known || known.record.createdAt <= createdAt)) this.#byKey.set(key, body);
  }

  #addCoded(body: SpooledBody, { of, coding }: CodedAs): void {
    const whole = this.#bodies.get(of);
    if (whole) whole.codings.set(coding, body);
    // It was removed meanwhile.
    else void body.remove();
  }

  #isExpired({ record: { endedAt } }: SpooledBody): boolean {
    return endedAt !== undefined && Date.now() - endedAt >= this.#ttlMs;
  }

  async #sweep(): Promise<void> {
    // Who reads one that is too old may end.
    const old = [...this.#bodies.values()].filter((body) => this.#isExpired(body) && body.readers === 0);
    await Promise.all(old.map((body) => this.remove(body)));
  }

  #assertOpen(): void {
    if (this.#closed) throw new HttpError(503, "The spool was closed");
  }

  /** @throws HttpError 507 */
  #makeRoom(bytes: number, forCoding = false): void {
    const maxBytes = this.#maxBytes * (forCoding ? 1 - NOT_FOR_CODINGS : 1);
    if (this.#usedBytes + bytes <= maxBytes) return;
    throw new HttpError(507, "The spool is full: bodies that are kept have to expire, or to be removed");
  }
}
