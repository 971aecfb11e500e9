import { type FSWatcher, closeSync, fstatSync, openSync, read, watch } from "node:fs";
import { access, stat } from "node:fs/promises";
import { HttpError, SluiceError } from "../errors.ts";
import { type Growing, type GrowthEnd, Watchers } from "../representation/growing.ts";
import { SpooledBody } from "../representation/spool/spooled-body.ts";
import { OPEN_FLAGS, type OpenEntry } from "./open-entry.ts";

/**
 * When a file that is followed has its end: a function that says whether its writer has finished, asked again after each change;
 * the path of a file that is there when he has; or a spooled body, whose end it shares: where that fails, so does following.
 */
export type FollowUntil = (() => boolean | Promise<boolean>) | string | SpooledBody;

/** How often a file is looked at where nobody says that it has changed (another machine's, for example), in ms. */
const LOOK_MS = 1_000;
/** What was added last is kept in memory, for all who follow: so much of it, in bytes. */
const WINDOW_BYTES = 256 * 1024;
const FOREVER: FollowUntil = () => false;

/** By what is followed, and until when. */
const followed = new Map<string, Map<FollowUntil, FollowedFile>>();

/**
 * A file that somebody else appends to. Those who follow the same one share this: one watcher, and one read of what is added.
 *
 * It fails visibly (`ERR_FILE_CHANGED`) when another file takes its path, it is removed, or it becomes shorter.
 */
export class FollowedFile implements Growing {
  readonly #entry: OpenEntry;
  readonly #until: FollowUntil;
  readonly #descriptor: number;
  readonly #watchers = new Watchers();
  readonly #onUnused: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #fsWatcher: FSWatcher | undefined;
  #window = { start: 0, bytes: new Uint8Array(0) };
  #length: number;
  #end: GrowthEnd | undefined;
  #readers = 0;
  #reads = 0;
  #looking = false;
  #lookAgain = false;

  private constructor(entry: OpenEntry, until: FollowUntil, onUnused: () => void) {
    this.#entry = entry;
    this.#until = until;
    this.#onUnused = onUnused;
    // Its own: the entry's may have been read from memory.
    this.#descriptor = openSync(entry.path, OPEN_FLAGS);
    const { size, ino, dev } = fstatSync(this.#descriptor, { bigint: true });
    this.#length = Number(size);
    if (ino !== entry.stats.ino || dev !== entry.stats.dev) {
      closeSync(this.#descriptor);
      throw changed("another one took its place");
    }
    try {
      this.#fsWatcher = watch(entry.path, () => void this.#look());
      this.#fsWatcher.on("error", () => {});
    } catch {
      // Too many are watched: it is looked at.
    }
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    if (until instanceof SpooledBody) void until.ended.then(() => this.#look());
    void this.#look();
  }

  /**
   * @returns the one that others follow, too, until {@link release}
   * @throws the file system's errors; `ERR_FILE_CHANGED`
   */
  static retain(entry: OpenEntry, until: FollowUntil = FOREVER): FollowedFile {
    const { dev, ino } = entry.stats;
    const key = `${dev}:${ino}:${entry.path}`;
    const files = followed.get(key) ?? new Map<FollowUntil, FollowedFile>();
    let file = files.get(until);
    if (!file || file.end) {
      const made: FollowedFile = new FollowedFile(entry, until, () => {
        if (files.get(until) === made) files.delete(until);
        if (files.size === 0 && followed.get(key) === files) followed.delete(key);
      });
      file = made;
      files.set(until, file);
      followed.set(key, files);
    }
    file.#readers++;
    return file;
  }

  get length(): number {
    return this.#length;
  }

  get end(): GrowthEnd | undefined {
    return this.#end;
  }

  /** Bodies that follow it. */
  get readers(): number {
    return this.#readers;
  }

  watch(listener: () => void): void {
    this.#watchers.add(listener);
  }

  unwatch(listener: () => void): void {
    this.#watchers.delete(listener);
  }

  release(): void {
    this.#readers--;
    if (this.#readers > 0) return;
    this.#stopLooking();
    this.#onUnused();
    this.#closeUnused();
  }

  read(buffer: Uint8Array, position: number): number | Promise<number> {
    const wanted = Math.min(buffer.byteLength, this.#length - position);
    const { start, bytes } = this.#window;
    if (position >= start && position < start + bytes.byteLength) {
      const part = bytes.subarray(position - start, position - start + wanted);
      buffer.set(part);
      return part.byteLength;
    }
    return this.#readBehind(buffer, wanted, position);
  }

  async #readBehind(buffer: Uint8Array, wanted: number, position: number): Promise<number> {
    const bytesRead = await this.#readFile(buffer, wanted, position);
    if (bytesRead === 0) throw changed(`it ends at ${position} now`);
    return bytesRead;
  }

  /** One look at a time; what changes meanwhile is seen by another. */
  async #look(): Promise<void> {
    if (this.#end || this.#readers < 0) return;
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    try {
      do {
        this.#lookAgain = false;
        await this.#lookOnce();
      } while (this.#lookAgain && !this.#end);
    } catch (error) {
      this.#finish({ error: error as Error });
    } finally {
      this.#looking = false;
      this.#closeUnused();
    }
  }

  async #lookOnce(): Promise<void> {
    // Asked before: what was written until then belongs to it.
    const isOver = await this.#isOver();
    const now = await stat(this.#entry.path, { bigint: true }).catch(() => undefined);
    await this.#readAdded();
    const { ino, dev } = this.#entry.stats;
    if (!now) throw changed("it was removed");
    if (now.ino !== ino || now.dev !== dev) throw changed("another one took its place");
    if (isOver && !this.#end) this.#finish({});
  }

  async #readAdded(): Promise<void> {
    if (this.#readers === 0) return;
    const size = Number(fstatSync(this.#descriptor, { bigint: true }).size);
    if (size < this.#length) throw changed(`it has ${size} bytes now`);
    if (size === this.#length) return;
    const start = Math.max(this.#length, size - WINDOW_BYTES);
    const bytes = new Uint8Array(size - start);
    const bytesRead = await this.#readFile(bytes, bytes.byteLength, start);
    this.#window = { start, bytes: bytes.subarray(0, bytesRead) };
    this.#length = start + bytesRead;
    this.#watchers.tell();
  }

  async #isOver(): Promise<boolean> {
    if (typeof this.#until === "function") return this.#until();
    if (this.#until instanceof SpooledBody) return isFinished(this.#until);
    return access(this.#until).then(
      () => true,
      () => false,
    );
  }

  #finish(end: GrowthEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#stopLooking();
    this.#watchers.tell();
  }

  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#fsWatcher?.close();
    this.#fsWatcher = undefined;
  }

  #readFile(buffer: Uint8Array, length: number, position: number): Promise<number> {
    this.#reads++;
    return new Promise((resolve, reject) => {
      read(this.#descriptor, buffer, 0, length, position, (error, bytesRead) => {
        this.#reads--;
        if (error) reject(error);
        else resolve(bytesRead);
        this.#closeUnused();
      });
    });
  }

  #closeUnused(): void {
    if (this.#readers !== 0 || this.#reads > 0 || this.#looking) return;
    // Closed once.
    this.#readers = -1;
    closeSync(this.#descriptor);
  }
}

function isFinished({ record: { state, failure } }: SpooledBody): boolean {
  if (state === "failed") throw new HttpError(failure?.status ?? 500, failure?.message);
  return state === "finished";
}

function changed(how: string): SluiceError {
  return new SluiceError("ERR_FILE_CHANGED", `The file changed while it was followed: ${how}`);
}
