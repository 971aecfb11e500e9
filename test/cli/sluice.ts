import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { until, within } from "../helpers/deadline.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The command as a process of its own. */
export class Sluice implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  stdout = "";
  stderr = "";

  /** @param env - beside what every process needs */
  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const { PATH = "" } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...args], { env: { PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout!.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = once(this.child, "close");
  }

  /** Waits until it listens; the address, without a slash at the end. */
  async listening(): Promise<string> {
    const address = /Sluice listens on (\S+)/u;
    await until(() => address.test(this.stderr) || this.child.exitCode !== null, `listening (${this.stderr})`, 15_000);
    const url = address.exec(this.stderr)?.[1];
    if (url === undefined) throw new Error(`sluice ended with ${this.child.exitCode}: ${this.stderr}`);
    return url;
  }

  /** Waits for its end; the exit code. */
  async end(ms?: number): Promise<number | null> {
    await within(this.exited, `the end of sluice (${this.stderr})`, ms);
    return this.child.exitCode;
  }

  get log(): LogLine[] {
    return this.stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for the log's line on the answer to `target`. */
  async answered(target: string): Promise<LogLine> {
    const find = (): LogLine | undefined => this.log.find((line) => line["target"] === target);
    await until(() => find() !== undefined, `the log's line on ${target}`);
    return find()!;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}
