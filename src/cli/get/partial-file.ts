import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, rm, stat } from "node:fs/promises";
import { DownloadError } from "../../client/download-error.ts";
import type { Answer, Destination } from "../../client/destination.ts";
import { fileNameOf } from "../../client/file-name.ts";
import type { Held } from "../../client/judge-answer.ts";
import { type Digests, type Representation, mergeKnowledge } from "../../client/representation.ts";
import { FileWriter } from "./file-writer.ts";
import { LockFile } from "./lock-file.ts";
import { encodeState, loadState, saveState } from "./partial-state.ts";
import { RunningHash } from "./running-hash.ts";

export interface PartialFileOptions {
  /** As it was asked for, without credentials. */
  readonly url: string;
  /** Where the file belongs; undefined: in the working directory, under the name that the answer has for it. */
  readonly path: string | undefined;
  /** Whether a file that is there may be replaced. */
  readonly replace: boolean;
  /** Computed as the bytes come, beside those that the server has told. */
  readonly digests: Digests;
  readonly onNote: (note: string) => void;
  /** Bytes that were there are being hashed. */
  readonly onReread: (hashedBytes: number, totalBytes: number) => void;
}

/**
 * `FILE.part` until it is `FILE`; `FILE.part.state` says what it is the beginning of, `FILE.part.lock` who works on it.
 *
 * Wherever the process dies, these hold: there is no `FILE.part` without its state; the state is that of every byte in
 * it (the bytes go first when another representation begins); and it is a beginning, without gaps.
 */
export class PartialFile implements Destination, AsyncDisposable {
  readonly #options: PartialFileOptions;
  #path = "";
  #lock: LockFile | undefined;
  #handle: FileHandle | undefined;
  #writer: FileWriter | undefined;
  #hash = new RunningHash([]);
  #representation: Representation | undefined;
  #receivedBytes = 0;
  #savedState = "";
  /** An earlier run has done everything but clean up. */
  isFinished = false;

  constructor(options: PartialFileOptions) {
    this.#options = options;
  }

  /** Where the file belongs, once that is known. */
  get path(): string {
    return this.#path;
  }

  get held(): Held | undefined {
    return this.#representation && { representation: this.#representation, receivedBytes: this.#receivedBytes };
  }

  async open(answer?: Answer): Promise<void> {
    if (this.#lock) return;
    const { path, replace } = this.#options;
    if (path === undefined && answer === undefined) return;
    this.#path = path ?? fileNameOf(answer!.fields.get("content-disposition"), answer!.url);
    await this.#refuseOther(this.#path);
    this.#lock = await LockFile.acquire(`${this.#part}.lock`);
    const state = await loadState(this.#state);
    if (state?.isVerified && (await this.#isInPlace(state.representation))) {
      this.#representation = state.representation;
      this.#receivedBytes = state.representation.completeLength!;
      this.isFinished = true;
      return;
    }
    if (!replace && (await sizeOf(this.#path)) !== undefined) {
      throw new DownloadError(`${this.#path} is there already: --force replaces it, -o chooses another name`);
    }
    const size = await sizeOf(this.#part);
    if (state === undefined && size !== undefined && size > 0 && (await sizeOf(this.#state)) === undefined) {
      throw new DownloadError(
        `${this.#part} is there already, and not from here: remove it, or choose another name by -o`,
      );
    }
    if (state === undefined || size === undefined || size === 0) return;
    if (state.url !== this.#options.url) {
      this.#options.onNote(`${this.#part} is from ${state.url}: starting again from zero`);
    } else if (size > (state.representation.completeLength ?? Infinity)) {
      this.#options.onNote(`${this.#part} is longer than it can be: starting again from zero`);
    } else {
      this.#savedState = encodeState(state);
      this.#representation = state.representation;
      this.#receivedBytes = size;
    }
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const algorithms = this.#algorithms(this.#representation!);
    if (!this.#hash.hasAll(algorithms)) this.#hash = new RunningHash(algorithms);
    await this.#reread(this.#hash, signal);
  }

  async startAgain(representation: Representation): Promise<void> {
    const handle = await this.#opened();
    await handle.truncate(0);
    this.#representation = representation;
    this.#receivedBytes = 0;
    this.#writer = new FileWriter(handle, 0);
    this.#hash = new RunningHash(this.#algorithms(representation));
    await this.#save();
  }

  async learn(representation: Representation): Promise<void> {
    this.#representation = mergeKnowledge(this.#representation!, representation);
    await this.#save();
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const isHashed = this.#hash.hashedBytes === this.#receivedBytes;
    this.#receivedBytes += chunk.byteLength;
    const wait = this.#writer!.write(chunk);
    // While the chunk is on its way to the disk.
    if (isHashed) this.#hash.update(chunk);
    return wait?.catch(explain);
  }

  async flush(): Promise<void> {
    await this.#writer?.flush().catch(explain);
  }

  async digest(algorithm: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (!this.#hash.hasAll([algorithm])) this.#hash = new RunningHash([algorithm]);
    await this.#reread(this.#hash, signal);
    return this.#hash.digest(algorithm);
  }

  async discard(): Promise<void> {
    await rm(this.#part, { force: true });
    await rm(this.#state, { force: true });
  }

  /** Gives the file its name, in one step, when its bytes are on the disk. */
  async finish(): Promise<void> {
    if (!this.isFinished) {
      const handle = await this.#opened();
      await handle.datasync().catch(explain);
      await this.#save(true);
      await this.#place();
    }
    // A second name for the file is left when an earlier run was killed between two steps.
    await rm(this.#part, { force: true });
    await rm(this.#state, { force: true });
  }

  /** What has come stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.flush().catch(() => {});
    await this.#handle?.close();
    await this.#lock?.release();
  }

  get #part(): string {
    return `${this.#path}.part`;
  }

  get #state(): string {
    return `${this.#part}.state`;
  }

  #algorithms({ digests }: Representation): Set<string> {
    return new Set([...digests.keys(), ...this.#options.digests.keys()]);
  }

  async #reread(hash: RunningHash, signal: AbortSignal): Promise<void> {
    const total = this.#receivedBytes;
    if (hash.hashedBytes === total) return;
    await hash.readFrom(await this.#opened(), total, {
      signal,
      onProgress: (hashedBytes) => this.#options.onReread(hashedBytes, total),
    });
  }

  async #opened(): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    // There is no file without its state.
    if (this.#savedState === "") await this.#save();
    // No link that somebody has put there is followed.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    this.#handle = await open(this.#part, flags, 0o666);
    this.#writer = new FileWriter(this.#handle, this.#receivedBytes);
    return this.#handle;
  }

  async #save(isVerified = false): Promise<void> {
    const nothing = { validator: undefined, completeLength: undefined, digests: new Map<string, Uint8Array>() };
    const state = encodeState({
      url: this.#options.url,
      representation: this.#representation ?? nothing,
      isVerified,
    });
    if (state === this.#savedState) return;
    await saveState(this.#state, state).catch(explain);
    this.#savedState = state;
  }

  async #place(): Promise<void> {
    if (!this.#options.replace) {
      try {
        // Unlike a rename, a link never replaces what has come there in the meantime.
        await link(this.#part, this.#path);
        return;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST") {
          throw new DownloadError(`${this.#path} has come there meanwhile: what was downloaded is ${this.#part}`);
        }
      }
    }
    await rename(this.#part, this.#path);
  }

  /** Whether the file has its name: a part that is left beside it is another name of the same. */
  async #isInPlace({ completeLength }: Representation): Promise<boolean> {
    const [file, part] = await Promise.all([this.#path, this.#part].map((path) => stat(path).catch(() => undefined)));
    if (file === undefined || file.size !== completeLength) return false;
    return part === undefined || (part.ino === file.ino && part.dev === file.dev);
  }

  async #refuseOther(path: string): Promise<void> {
    const there = await lstat(path).catch(() => undefined);
    if (there?.isFile() === false) {
      const kind = there.isDirectory() ? "a directory" : "no regular file";
      throw new DownloadError(`${path} is ${kind}: choose a file by -o, or -o - for standard output`);
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    throw new DownloadError("The disk is full: make room and run the command again, what has come is kept", {
      cause: error,
    });
  }
  throw error;
}
