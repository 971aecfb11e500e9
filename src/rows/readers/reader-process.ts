import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import { HttpError, SluiceError } from "../../errors.ts";
import { FrameParser, type ReaderAnswer, type ReaderRequest, type WriterRequest } from "./messages.ts";

/** A program that reads a database, run by Node with what a reader is told on its command line. */
export interface ReaderProgram {
  /** Of the script: it answers as `messages.ts` says. */
  readonly script: string;
  readonly args: readonly string[];
  /** Descriptors of this process that it has too, from 4 on. They stay the caller's. */
  readonly descriptors?: readonly number[] | undefined;
  /** Called when the process is gone, however: it may have been killed with files of its own. */
  readonly cleanUp?: ((pid: number) => void) | undefined;
}

/** From the sources a reader would take most of its start to make JavaScript of them, each time anew. */
const FROM_SOURCES = import.meta.url.endsWith(".ts")
  ? { NODE_COMPILE_CACHE: fileURLToPath(new URL("../../../node_modules/.cache/readers", import.meta.url)) }
  : {};

/** No reader outlives this process, busy or not. */
const running = new Map<ChildProcess, ReaderProgram>();
process.on("exit", () => {
  for (const [child, { cleanUp }] of running) {
    child.kill("SIGKILL");
    if (child.pid !== undefined) cleanUp?.(child.pid);
  }
});

/**
 * A process that reads a database, asked from here, one request at a time.
 *
 * A statement that is running can't be stopped from within its process in every state: `node:sqlite` has no interrupt, and a
 * worker that is terminated still ends its step first, which may take hours. A process can be killed, whatever it does; what
 * it needed goes with it, and what breaks in it breaks nothing here.
 */
export class ReaderProcess {
  readonly #child: ChildProcess;
  readonly #requests: Writable;
  readonly #answers: Socket;
  readonly #parser = new FrameParser();
  readonly #exited: Promise<unknown>;
  #ended: SluiceError | undefined;
  /** Called when there may be something to read, or never will be. */
  #wake: (() => void) | undefined;

  /** @throws HttpError 503 where the system has no more files for its pipes */
  constructor(program: ReaderProgram) {
    const { script, args, descriptors = [], cleanUp } = program;
    // What the parent was started with (an inspector's port, a test runner's loader) is not the reader's.
    const env = { ...process.env, NODE_OPTIONS: "", ...FROM_SOURCES };
    // What it makes is gone after each batch: a large nursery would only be filled.
    this.#child = spawn(process.execPath, ["--max-semi-space-size=2", "--expose-gc", script, ...args], {
      env,
      stdio: ["pipe", "ignore", "inherit", "pipe", ...descriptors],
    });
    this.#child.once("error", (error) => this.#end(`could not be started: ${error.message}`, error));
    // So it is where no pipe could be made.
    if (!this.#child.stdin) {
      throw new HttpError(503, "Too many files are open", { headers: { "Retry-After": "1" } });
    }
    this.#requests = this.#child.stdin;
    this.#answers = this.#child.stdio[3] as Socket;
    running.set(this.#child, program);
    const forget = (): void => {
      running.delete(this.#child);
      if (this.#child.pid !== undefined) cleanUp?.(this.#child.pid);
    };
    this.#exited = once(this.#child, "close").then(forget, forget);
    this.#child.once("exit", (code, signal) => this.#end(`ended with ${signal ?? `code ${code}`}`));
    // A reader that has ended says so by itself.
    this.#requests.on("error", () => {});
    this.#answers.on("error", () => {});
    this.#answers.on("readable", () => this.#wake?.());
    this.#answers.on("end", () => this.#end("closed its pipe"));
  }

  /** Rows of the query that is being answered, as far as they have come. */
  get rows(): number {
    return this.#parser.rows;
  }

  send(request: ReaderRequest | WriterRequest): void {
    if (request.kind === "run") this.#parser.resetRows();
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
