import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { until, within } from "../helpers/deadline.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

/** The command as a process of its own, with its standard streams. */
export class SluiceProcess implements AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<unknown>;
  readonly #output: Buffer[] = [];
  outputBytes = 0;
  stderr = "";

  constructor(...args: string[]) {
    const { PATH = "" } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...args], { env: { PATH }, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.#output.push(chunk);
      this.outputBytes += chunk.byteLength;
    });
    this.child.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    // It may end before all is written to it.
    this.child.stdin.on("error", () => {});
    this.#exited = once(this.child, "close");
  }

  get stdout(): string {
    return Buffer.concat(this.#output).toString();
  }

  /** Writes all of standard input, and ends it. */
  input(text: string | Uint8Array): this {
    this.child.stdin.end(text);
    return this;
  }

  /** Waits until so many bytes were printed. */
  async printed(bytes: number, ms?: number): Promise<void> {
    await until(() => this.outputBytes >= bytes, `${bytes} bytes of output (${this.stderr})`, ms);
  }

  /** Waits for its end; the exit code, or the signal. */
  async end(ms?: number): Promise<number | NodeJS.Signals | null> {
    await within(this.#exited, `the end of ${this.child.spawnargs.slice(2).join(" ")} (${this.stderr})`, ms);
    return this.child.signalCode ?? this.child.exitCode;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }
}
