import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { within } from "./deadline.ts";

const SCRIPT = new URL("log-writer.ts", import.meta.url).pathname;

/** Another process that has a log open. */
export class LogProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  /** @param uid - whose process it is */
  constructor(path: string, uid?: number) {
    const whose = uid === undefined ? {} : { uid, gid: uid };
    this.child = spawn(process.execPath, [SCRIPT, path], { stdio: ["pipe", "pipe", "inherit"], cwd: "/", ...whose });
    this.#exited = once(this.child, "exit");
    this.#lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  /** What it says next: "open", a status, or an error's code and message. */
  async says(): Promise<unknown> {
    const { value } = (await within(this.#lines.next(), "the process's word", 20_000)) as { value?: string };
    return value === undefined ? undefined : JSON.parse(value);
  }

  /** Has it append a message to the stream "s". */
  async append(text: string): Promise<unknown> {
    this.child.stdin!.write(`${text}\n`);
    return this.says();
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}
