import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Puller } from "../../core/puller.ts";
import { report } from "../../core/report.ts";
import { HttpError } from "../../errors.ts";
import type { ContentCoding } from "../../http/negotiation.ts";
import type { Growing } from "../growing.ts";
import { fillSpool } from "./fill-spool.ts";
import { FinishedFile } from "./finished-file.ts";
import { isDiskFull } from "./disk-full.ts";
import { SpoolFile } from "./spool-file.ts";
import { DATA_EXTENSION, RECORD_EXTENSION, type SpoolRecord, writeRecord } from "./spool-record.ts";

/** What becomes a spooled body. */
export interface SpoolSource {
  readonly puller: Puller;
  /** Asked at the end: what is worth knowing by then. */
  readonly details: () => Record<string, unknown>;
}

/** What its spool is told of one. */
export interface SpooledBodyOwner {
  readonly folder: string;
  /** The body in a content coding, made where it is not there yet; undefined where there is no room for it. */
  code(body: SpooledBody, coding: ContentCoding): Promise<SpooledBody | undefined>;
  /** Told of bytes before they are written. @throws HttpError 507 where there is no room for them */
  reserve(bytes: number, record: SpoolRecord): void;
  /** Told of bytes that are there. */
  count(bytes: number): void;
  /** Told of bytes that have been freed. */
  free(bytes: number): void;
}

const DISK_FULL = "The spool's disk is full";
/** What is said of a failure that nobody is to know more of. */
const FAILED = "It failed while it was made";
/** What those are told whose body was removed. */
const REMOVED = "It was removed";

/** Bytes that are made once, and read by any number of readers while they are made and after it. */
export class SpooledBody {
  readonly #owner: SpooledBodyOwner;
  #record: SpoolRecord;
  /** It was written here: some may still read from it who began meanwhile. */
  readonly #file: SpoolFile | undefined;
  #isWriting: boolean;
  #source: SpoolSource | undefined;
  readonly #stop = new AbortController();
  #reserved = 0;
  #readers = 0;
  #removed = false;
  /** The same bytes in content codings, of which each is a file of its own. */
  readonly codings: Map<ContentCoding, SpooledBody> = new Map();
  /** Resolves when nothing is written any more, however that ended. */
  readonly ended: Promise<void>;

  private constructor(owner: SpooledBodyOwner, record: SpoolRecord, file?: SpoolFile, source?: SpoolSource) {
    this.#owner = owner;
    this.#record = record;
    this.#file = file;
    this.#isWriting = file !== undefined;
    this.#source = source;
    this.ended = file && source ? this.#write(file, source) : Promise.resolve();
    if (!file) this.#count(record.byteLength ?? 0);
  }

  /** Begins to write. Rejects with the file system's error, where nothing can be written. */
  static async begin(owner: SpooledBodyOwner, record: SpoolRecord, source: SpoolSource): Promise<SpooledBody> {
    const path = join(owner.folder, record.id);
    const file = await SpoolFile.create(path + DATA_EXTENSION);
    try {
      await writeRecord(path + RECORD_EXTENSION, record);
    } catch (error) {
      file.close({ error: error as Error });
      await rm(path + DATA_EXTENSION, { force: true });
      throw error;
    }
    return new SpooledBody(owner, record, file, source);
  }

  /** One that was found. */
  static found(owner: SpooledBodyOwner, record: SpoolRecord): SpooledBody {
    return new SpooledBody(owner, record);
  }

  get record(): SpoolRecord {
    return this.#record;
  }

  /** As far as it is written; of what has failed, nothing is left. */
  get length(): number {
    return this.growing?.length ?? this.#record.byteLength ?? 0;
  }

  /** What is known by now of what is being made. */
  get details(): Readonly<Record<string, unknown>> {
    return this.#source ? this.#source.details() : this.#record.details;
  }

  /** While it is written. */
  get growing(): SpoolFile | undefined {
    return this.#isWriting ? this.#file : undefined;
  }

  /** Bodies that read from it now, in whatever coding. */
  get readers(): number {
    const own = this.#readers + (this.#file?.readers ?? 0);
    // Who codes it reads it, too.
    return [...this.codings.values()].reduce((sum, coded) => sum + coded.readers - (coded.growing ? 1 : 0), own);
  }

  /** The same bytes in a content coding: undefined where there is no room for them. */
  coded(coding: ContentCoding): Promise<SpooledBody | undefined> {
    return this.#owner.code(this, coding);
  }

  /** Opens it for one who reads, until `release`: what is written still, or is finished. Rejects with the file system's error. */
  async open(): Promise<Growing & { release(): void }> {
    const { growing } = this;
    growing?.retain();
    return growing ?? this.openFinished();
  }

  async openFinished(): Promise<FinishedFile> {
    this.#readers++;
    const path = join(this.#owner.folder, this.#record.id + DATA_EXTENSION);
    const { byteLength = 0 } = this.#record;
    return FinishedFile.open(
      path,
      byteLength,
      () => this.assertThere(),
      () => this.#readers--,
    );
  }

  /** @throws HttpError 410 where it was removed: who still reads it is to notice */
  assertThere(): void {
    if (this.#removed) throw new HttpError(410, REMOVED);
  }

  /** Stops whoever makes it, and whoever reads it. Resolves when nothing is left on the disk. */
  async remove(): Promise<void> {
    this.#removed = true;
    const reason = new HttpError(410, REMOVED);
    this.#stop.abort(reason);
    this.#file?.break(reason);
    await this.ended;
    const path = join(this.#owner.folder, this.#record.id);
    await Promise.all([DATA_EXTENSION, RECORD_EXTENSION].map((extension) => rm(path + extension, { force: true })));
    this.#freeAll();
  }

  /** Stops whoever makes it: its readers' bodies break. Resolves when that is on the disk. */
  async cancel(reason: Error): Promise<void> {
    this.#stop.abort(reason);
    await this.ended;
  }

  async #write(file: SpoolFile, source: SpoolSource): Promise<void> {
    let end: { error?: Error } = {};
    try {
      await fillSpool(source.puller, file, this.#stop.signal, (bytes) => this.#reserve(bytes));
      const { byteLength, sha256 } = await file.finish();
      await this.#settle({ state: "finished", byteLength, sha256: Buffer.from(sha256).toString("hex") });
    } catch (error) {
      end = { error: error as Error };
      await this.#fail(file, error as Error);
    }
    this.#source = undefined;
    this.#isWriting = false;
    file.close(end);
  }

  /** What is not whole is not kept: the space is free for others. */
  async #fail(file: SpoolFile, error: Error): Promise<void> {
    // Perhaps nobody reads it who would be told.
    if (!(error instanceof HttpError))
      report({ code: "SOURCE_FAILED", message: "The source of a spooled body failed", error });
    const failure = describeFailure(error);
    // First: there may be no room for the record.
    await file.discard(error).catch(() => {});
    await rm(join(this.#owner.folder, this.#record.id + DATA_EXTENSION), { force: true }).catch(() => {});
    this.#freeAll();
    try {
      await this.#settle({ state: "failed", failure });
    } catch {
      // The disk is full: whoever finds the record as it was knows that its writer is gone.
    }
  }

  async #settle(end: Partial<SpoolRecord>): Promise<void> {
    const details = this.#source?.details() ?? this.#record.details;
    const record = { ...this.#record, endedAt: Date.now(), details, ...end };
    // In memory it is as it was until the disk says so, too; but what has failed has failed.
    if (end.state === "failed") this.#record = record;
    try {
      await writeRecord(join(this.#owner.folder, record.id + RECORD_EXTENSION), record);
    } catch (error) {
      if (end.state === "failed")
        report({ code: "SOURCE_FAILED", message: "A record of the spool was not written", error });
      throw error;
    }
    this.#record = record;
  }

  #reserve(bytes: number): void {
    this.#owner.reserve(bytes, this.#record);
    this.#count(bytes);
  }

  #count(bytes: number): void {
    this.#owner.count(bytes);
    this.#reserved += bytes;
  }

  #freeAll(): void {
    this.#owner.free(this.#reserved);
    this.#reserved = 0;
  }
}

/** As it is told to whoever comes later. */
function describeFailure(error: Error): { message: string; status: number } {
  if (error instanceof HttpError) return { message: error.message, status: error.status };
  return isDiskFull(error) ? { message: DISK_FULL, status: 507 } : { message: FAILED, status: 500 };
}
