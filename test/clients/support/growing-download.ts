import { readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HttpError, type SpooledInit } from "sluice";
import { until } from "../../helpers/deadline.ts";
import { type SpoolRig, startRig } from "../../representation/spool-rig.ts";
import { type Run, run } from "./download.ts";
import { ARIA2, CURL, type Downloader, WGET } from "./programs.ts";
import { Wiretap } from "./wiretap.ts";

export const WHOLE = Array.from({ length: 30_000 }, (_, index) => `${index},row\n`).join("");
/** What there is when a download begins. */
export const BEGUN = WHOLE.slice(0, 100_000);
/** What comes before it is gone on with. */
export const MORE = WHOLE.slice(BEGUN.length, 200_000);
/** What another run has: as many bytes, and others. */
export const OTHER = WHOLE.toUpperCase();
export const LENGTH = WHOLE.length;
/** The `Content-Range` of a part whose end nobody knows, and how it is sent. */
export const toTheEnd = (first: number): string => `bytes ${first}-9007199254740991/* chunked`;
/** The same when the run has finished. */
export const toItsEnd = (first: number): string => `bytes ${first}-${LENGTH - 1}/${LENGTH}`;
/** How a source fails here. */
export const FAILURE = new HttpError(502, "The source is gone");
/** curl keeps up to so many bytes to itself until it ends. */
const CURL_KEEPS_BYTES = 4096;

/** As a user calls them; quiet, and without a long wait between two attempts. */
const ARGUMENTS = new Map<Downloader, (url: string, file: string) => string[]>([
  [CURL, (url, file) => ["-sS", "-L", "-C", "-", "-o", file, url]],
  [WGET, (url, file) => ["-nv", "--waitretry=0.1", "-c", "-O", file, url]],
  [ARIA2, (url, file) => ["-q", "--no-conf", "-c", "-d", dirname(file), "-o", basename(file), url]],
]);

interface Call {
  readonly done: Promise<Run>;
  kill(): void;
}

/** A run at `/body`, a program that downloads it into a file, and what they say to each other. */
export class GrowingDownload implements AsyncDisposable {
  readonly rig: SpoolRig;
  readonly tap: Wiretap;
  readonly file: string;
  readonly #downloader: Downloader;

  static async start(downloader: Downloader, root: string, init?: SpooledInit): Promise<GrowingDownload> {
    const rig = await startRig(root, init);
    return new GrowingDownload(downloader, root, rig, await Wiretap.start(rig.url));
  }

  private constructor(downloader: Downloader, root: string, rig: SpoolRig, tap: Wiretap) {
    this.#downloader = downloader;
    this.rig = rig;
    this.tap = tap;
    this.file = join(root, "download.csv");
    for (const path of [this.file, this.renamed, `${this.file}.aria2`]) rmSync(path, { force: true });
  }

  /** The first address: of no run in particular. */
  get url(): string {
    return `${this.tap.url}/body`;
  }

  /** Where aria2c puts what it does not put into the file. */
  get renamed(): string {
    return this.file.replace(".csv", ".1.csv");
  }

  /** The run's own address. */
  async ownUrl(): Promise<string> {
    return this.url + new URL(await this.rig.run()).search;
  }

  call(...options: string[]): Call {
    return this.callAt(this.url, ...options);
  }

  callAt(url: string, ...options: string[]): Call {
    const { program } = this.#downloader;
    let kill!: () => void;
    const args = [...options, ...ARGUMENTS.get(this.#downloader)!(url, this.file)];
    const done = run(program, args, (child) => (kill = () => child.kill("SIGKILL")));
    return { done, kill };
  }

  /** Downloads the beginning, and is killed. How many bytes it has then. */
  async begin(): Promise<number> {
    this.rig.fed.give(BEGUN);
    const call = this.call();
    await this.has(BEGUN.length);
    call.kill();
    await call.done;
    this.tap.forget();
    return statSync(this.file).size;
  }

  async has(bytes: number): Promise<void> {
    const written = this.#downloader === CURL ? bytes - CURL_KEEPS_BYTES + 1 : bytes;
    const size = (): number => statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
    await until(() => size() >= written, `${bytes} bytes in ${this.file}`);
  }

  /** The run has the rest, too, and ends. */
  finish(): void {
    this.rig.fed.give(WHOLE.slice(BEGUN.length + MORE.length));
    this.rig.fed.end();
  }

  /** The run is removed. */
  async remove(): Promise<void> {
    await this.rig.spool.remove(this.rig.spool.list()[0]!);
  }

  /** The run is removed, and another one begun, which has other bytes, and does not end by itself. */
  async replace(bytes: string = OTHER): Promise<void> {
    await this.remove();
    this.rig.fed.give(bytes);
    await this.rig.run();
  }

  /** Waits until the run that is there has finished. */
  async finished(): Promise<void> {
    await this.rig.run();
    await this.rig.spool.list()[0]!.ended;
    this.tap.forget();
  }

  content(file: string = this.file): string {
    return readFileSync(file, "utf8");
  }

  /** A line for each exchange: which address, which range was asked for, the status, which range was given. */
  get said(): string[] {
    return this.tap.exchanges.map(({ target, request, status, answer }) => {
      const isChunked = answer["transfer-encoding"] === "chunked";
      const given = [answer["content-range"], isChunked ? "chunked" : undefined].filter((each) => each !== undefined);
      return [target.includes("run=") ? "own" : "first", request["range"] ?? "all", status, ...given].join(" ");
    });
  }

  /** Waits until so many requests have been answered, at least with a head. */
  async answered(count: number): Promise<void> {
    const heads = (): number => this.tap.exchanges.filter(({ status }) => status > 0).length;
    await until(() => heads() >= count, `${count} answers, after ${this.said.join(", ")},`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tap[Symbol.asyncDispose]();
    await this.rig[Symbol.asyncDispose]();
  }
}
