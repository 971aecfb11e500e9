import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { until, within } from "../../helpers/deadline.ts";

const EXAMPLE = new URL("../../../examples/zip-download.ts", import.meta.url).pathname;
const FROM_SOURCES = new URL("../../helpers/from-sources.ts", import.meta.url).href;

/** `examples/zip-download.ts` as a process of its own, on a free port. */
export class ZipExample implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #temporary: string;
  stdout = "";
  stderr = "";

  /**
   * @param folder - whose files it packs
   * @param scratch - where it has a folder of its own for what is temporary
   */
  static async start(folder: string, scratch: string, env: Record<string, string> = {}): Promise<ZipExample> {
    const example = new ZipExample(folder, mkdtempSync(join(scratch, "temporary-")), env);
    const { child } = example;
    await until(() => example.url !== "" || child.exitCode !== null, `listening (${example.stderr})`, 15_000);
    if (child.exitCode !== null) throw new Error(`The example ended with ${child.exitCode}: ${example.stderr}`);
    return example;
  }

  private constructor(folder: string, temporary: string, env: Record<string, string>) {
    this.#temporary = temporary;
    const { PATH = "" } = process.env;
    this.child = spawn(process.execPath, ["--import", FROM_SOURCES, EXAMPLE, folder], {
      env: { PATH, PORT: "0", TMPDIR: temporary, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout!.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#exited = once(this.child, "close");
  }

  /** Of the archive, as it says on its first line. */
  get url(): string {
    return /^curl .* (\S+)\n/u.exec(this.stdout)?.[1] ?? "";
  }

  /** How many archives it has made, or is making. */
  get archives(): number {
    return globSync("*/*.data", { cwd: this.#temporary }).length;
  }

  /** What is in its temporary folder. */
  get leftovers(): string[] {
    return readdirSync(this.#temporary);
  }

  /** Tells it to end. */
  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await within(this.#exited, "the end of the example");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}
