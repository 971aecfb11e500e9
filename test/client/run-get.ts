import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { within } from "../helpers/deadline.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

/** `sluice get` as a process of its own. */
export class GetProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #output: Buffer[] = [];
  stderr = "";

  constructor(cwd: string, ...args: string[]) {
    const { PATH = "" } = process.env;
    this.child = spawn(process.execPath, [MAIN, "get", ...args], {
      cwd,
      env: { PATH },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout!.on("data", (chunk: Buffer) => this.#output.push(chunk));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#exited = once(this.child, "close");
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#output);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits for its end; the exit code, or the signal. */
  async end(ms?: number): Promise<number | NodeJS.Signals | null> {
    await within(this.#exited, `the end of sluice get (${this.stderr})`, ms);
    return this.child.signalCode ?? this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}
