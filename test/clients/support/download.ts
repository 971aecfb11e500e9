import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { until, within } from "../../helpers/deadline.ts";
import type { Downloader } from "./programs.ts";

/** What a whole download may take, with everything that disturbs it, in ms. */
export const DOWNLOAD_DEADLINE_MS = 60_000;
/** What a user's loop waits before it calls the program again, in ms. */
const PAUSE_MS = 50;

export interface Run {
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** Runs a program to its end; no settings of this machine's user count, and no proxy. */
export async function run(
  program: string,
  args: readonly string[],
  started?: (child: ChildProcess) => void,
): Promise<Run> {
  const { PATH = "" } = process.env;
  const child = spawn(program, args, { env: { PATH, LC_ALL: "C" }, stdio: ["ignore", "ignore", "pipe"] });
  started?.(child);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  try {
    await within(once(child, "close"), `the end of ${program}`, DOWNLOAD_DEADLINE_MS);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${(error as Error).message}: ${stderr.slice(-500)}`, { cause: error });
  }
  return { exitCode: child.exitCode, stderr };
}

/** A download by a program that is called again and again until it says that all is there. */
export class Download {
  readonly file: string;
  /** As it stands in the server's log. */
  readonly target: string;
  readonly #downloader: Downloader;
  readonly #args: string[];
  #child: ChildProcess | undefined;
  /** How often the program was called. */
  calls = 0;
  isDone = false;

  constructor(downloader: Downloader, url: string, file: string, bytesPerSecond: number) {
    this.file = file;
    this.target = new URL(url).href.slice(new URL(url).origin.length);
    this.#downloader = downloader;
    this.#args = downloader.arguments(url, file, bytesPerSecond);
  }

  /** @throws what the program said last, where that is not a success in time */
  async complete(): Promise<void> {
    const deadline = performance.now() + DOWNLOAD_DEADLINE_MS;
    for (;;) {
      const { exitCode, stderr } = await this.once();
      if (exitCode === 0) {
        this.isDone = true;
        return;
      }
      if (performance.now() > deadline) throw new Error(`Never done, exit code ${exitCode}: ${stderr.slice(-500)}`);
      await delay(PAUSE_MS);
    }
  }

  /** Calls the program one time. */
  async once(): Promise<Run> {
    this.calls++;
    return run(this.#downloader.program, this.#args, (child) => (this.#child = child));
  }

  /** Waits until the file has `bytes`, wherever in it they are, or is done. */
  async has(bytes: number): Promise<void> {
    await until(() => this.isDone || this.storedBytes >= bytes, `${bytes} bytes in ${this.file}`, DOWNLOAD_DEADLINE_MS);
  }

  /** Holes do not count. */
  get storedBytes(): number {
    return (statSync(this.file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
