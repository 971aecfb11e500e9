import { type LogLine, Sluice } from "../../cli/sluice.ts";
import { until } from "../../helpers/deadline.ts";

/**
 * `sluice serve --files`, which may be killed and comes back at the same address.
 *
 * That address is one of 127.0.0.0/8 which nobody else uses: while it is down, its port stays free.
 */
export class Origin implements AsyncDisposable {
  readonly #args: readonly string[];
  readonly #processes: Sluice[] = [];
  /** Without a slash at the end. */
  readonly url: string;

  static async start(folder: string, ...flags: string[]): Promise<Origin> {
    const byte = (): number => 1 + Math.floor(Math.random() * 254);
    const args = ["serve", "--files", folder, "--host", `127.${byte()}.${byte()}.${byte()}`, ...flags];
    const first = new Sluice([...args, "--port", "0"]);
    const url = await first.listening();
    return new Origin(first, url, [...args, "--port", new URL(url).port]);
  }

  private constructor(first: Sluice, url: string, args: readonly string[]) {
    this.#processes.push(first);
    this.url = url;
    this.#args = args;
  }

  /** Kills the process, as if the machine had been switched off, and starts it again. */
  async restart(): Promise<void> {
    await this.#processes.at(-1)![Symbol.asyncDispose]();
    const next = new Sluice(this.#args);
    this.#processes.push(next);
    await next.listening();
  }

  /** What all its processes have answered. One that was killed says nothing of what it was sending. */
  get answers(): LogLine[] {
    return this.#processes.flatMap(({ log }) => log.filter(({ msg }) => msg === "answered"));
  }

  /** Waits for the log's line on the answer to a range of `target`; the last one, where there were several. */
  async answered(target: string, range: string): Promise<LogLine> {
    const find = (): LogLine | undefined =>
      this.answers.findLast((line) => line["target"] === target && line["range"] === range);
    await until(() => find() !== undefined, `the log's line on ${range} of ${target}`);
    return find()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes) await each[Symbol.asyncDispose]();
  }
}
