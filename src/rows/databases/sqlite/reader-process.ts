import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import { HttpError, SluiceError } from "../../../errors.ts";
import { FrameParser, type ReaderAnswer, type ReaderRequest } from "./messages.ts";

/** In the sources this file ends in `.ts`, where it was built in `.js`: so does the reader beside it. */
const READER = fileURLToPath(
  import.meta.url.endsWith(".ts") ? new URL("./reader.ts", import.meta.url) : new URL("./reader.js", import.meta.url),
);

/** No reader outlives this process, busy or not. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that reads a database (see `reader.ts`), asked from here. One request at a time. */
export class ReaderProcess {
  readonly #child: ChildProcess;
  readonly #requests: Writable;
  readonly #answers: Socket;
  readonly #parser = new FrameParser();
  readonly #exited: Promise<unknown>;
  #ended: SluiceError | undefined;
  /** Whether it has served a query before the one that it serves now. */
  isReused = false;
  /** Called when there may be something to read, or never will be. */
  #wake: (() => void) | undefined;

  /** @throws HttpError 503 where the system has no more files for its pipes */
  constructor(path: string) {
    // What the parent was started with (an inspector's port, a test runner's loader) is not the reader's.
    const env = { ...process.env, NODE_OPTIONS: "" };
    // What it makes is gone after each batch: a large nursery would only be filled.
    this.#child = spawn(process.execPath, ["--max-semi-space-size=2", READER, path], {
      env,
      stdio: ["pipe", "ignore", "inherit", "pipe"],
    });
    this.#child.once("error", (error) => this.#end(`could not be started: ${error.message}`, error));
    // So it is where no pipe could be made.
    if (!this.#child.stdin) {
      throw new HttpError(503, "Too many files are open", { headers: { "Retry-After": "1" } });
    }
    this.#requests = this.#child.stdin;
    this.#answers = this.#child.stdio[3] as Socket;
    running.add(this.#child);
    this.#exited = once(this.#child, "close").then(
      () => running.delete(this.#child),
      () => running.delete(this.#child),
    );
    this.#child.once("exit", (code, signal) => this.#end(`ended with ${signal ?? `code ${code}`}`));
    // A reader that has ended says so by itself.
    this.#requests.on("error", () => {});
    this.#answers.on("error", () => {});
    this.#answers.on("readable", () => this.#wake?.());
    this.#answers.on("end", () => this.#end("closed its pipe"));
  }

  send(request: ReaderRequest): void {
    const body = serialize(request);
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(body.length);
    this.#requests.write(Buffer.concat([head, body]));
  }

  /**
   * The next piece of text, which is the receiver's own, or an answer.
   *
   * @throws SluiceError `ERR_DATABASE` where the process has ended
   */
  next(): Buffer | ReaderAnswer | Promise<Buffer | ReaderAnswer> {
    for (;;) {
      const frame = this.#parser.next();
      if (frame) return frame;
      const chunk = this.#answers.read() as Buffer | null;
      if (chunk === null) break;
      this.#parser.push(chunk);
    }
    if (this.#ended) throw this.#ended;
    return new Promise<void>((resolve) => {
      this.#wake = resolve;
    }).then(() => this.next());
  }

  /** Whether it keeps this process alive. */
  setRef(isNeeded: boolean): void {
    for (const handle of [this.#child, this.#answers, this.#requests as Socket]) {
      if (isNeeded) handle.ref();
      else handle.unref();
    }
  }

  /** Ends it, whatever it is doing. A `next` that waits is rejected. */
  kill(): void {
    this.#end("was stopped");
    // Somebody may wait for its end, and have nothing else that keeps this process alive.
    this.setRef(true);
    this.#child.kill("SIGKILL");
    this.#answers.destroy();
  }

  /** Resolves when it is gone. */
  get exited(): Promise<unknown> {
    return this.#exited;
  }

  /** How it has ended: what `next` throws. */
  get ended(): SluiceError | undefined {
    return this.#ended;
  }

  #end(how: string, cause?: Error): void {
    this.#ended ??= new SluiceError("ERR_DATABASE", `The process that reads the database ${how}`, { cause });
    this.#wake?.();
  }
}
