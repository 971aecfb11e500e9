import { DownloadError } from "../client/download-error.ts";
import { type Downloaded, download } from "../client/download.ts";
import type { Destination, Exchange } from "../client/destination.ts";
import { withoutCredentials } from "../client/redirect.ts";
import type { Digests } from "../client/representation.ts";
import { createExchange } from "./get/exchange.ts";
import { GetProgress, formatBytes } from "./get/get-progress.ts";
import { LengthWatch } from "./get/length-watch.ts";
import { OutputStream } from "./get/output-stream.ts";
import { PartialFile } from "./get/partial-file.ts";
import { RowWatch } from "./get/row-watch.ts";
import type { RequestCommandOptions } from "./request-options.ts";

export interface GetCommandOptions extends RequestCommandOptions {
  output?: string;
  force?: boolean;
  sha256?: Uint8Array;
  /** In seconds, as the other times. */
  connectTimeout: number;
}

/** Exit codes of a process that a signal ended, as shells count them. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** A run of the command, whatever it writes to. */
interface Run {
  readonly progress: GetProgress;
  readonly rows: RowWatch;
  readonly signal: AbortSignal;
  into(destination: Destination): Promise<Downloaded>;
}

/** Downloads; then the process ends with 0, or with what `docs/get.md` says. */
export async function runGet(url: URL, options: GetCommandOptions): Promise<void> {
  const rows = new RowWatch();
  const progress = new GetProgress(() => rows.describe());
  const controller = new AbortController();
  let interruptedBy: keyof typeof EXIT_CODES | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      controller.abort();
    });
  }
  const digests: Digests = new Map(options.sha256 ? [["sha-256", options.sha256]] : []);
  const lengths = new LengthWatch();
  const watched = process.stderr.isTTY ? lengths.exchange(toExchange(url, options)) : toExchange(url, options);
  const exchange = rows.exchange(watched);
  const run: Run = {
    progress,
    rows,
    signal: controller.signal,
    into: (destination) =>
      download({
        exchange,
        destination: rows.destination(destination),
        digests,
        retries: options.retries,
        maxDelayMs: options.maxRetryDelay * 1000,
        signal: controller.signal,
        onNote: (note) => progress.note(note),
        onProgress: (received, total) => progress.update("Getting", received, total ?? lengths.completeLength),
      }),
  };
  try {
    await (options.output === "-" ? toStandardOutput(run, digests) : toFile(run, url, options, digests));
  } catch (error) {
    progress.stop();
    const failure = error as NodeJS.ErrnoException;
    if (interruptedBy) process.exit(EXIT_CODES[interruptedBy]);
    // Whoever read our output has gone, and knows.
    if (failure.code !== "EPIPE") progress.note(failure instanceof DownloadError ? failure.message : describe(failure));
    process.exit(1);
  }
  // A connection that is kept alive must not keep the process.
  process.exit(0);
}

function toExchange(url: URL, { header, connectTimeout, stallTimeout }: GetCommandOptions): Exchange {
  return createExchange({
    url,
    fields: header,
    connectTimeoutMs: connectTimeout * 1000,
    stallTimeoutMs: stallTimeout * 1000,
  });
}

async function toStandardOutput(run: Run, digests: Digests): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => process.stdout.once("error", reject));
  failed.catch(() => {});
  const downloaded = await Promise.race([run.into(new OutputStream(process.stdout, digests)), failed]);
  report(run, "standard output", downloaded);
}

async function toFile(run: Run, url: URL, options: GetCommandOptions, digests: Digests): Promise<void> {
  const { progress, signal } = run;
  await using file = new PartialFile({
    url: withoutCredentials(url).href,
    path: options.output,
    replace: options.force === true,
    digests,
    onNote: (note) => progress.note(note),
    onReread: (hashed, total) => progress.update("Checking what is there", hashed, total),
  });
  try {
    await file.open();
    const downloaded = await run.into(file);
    await file.finish();
    report(run, file.path, downloaded);
  } catch (error) {
    if (signal.aborted) sayHowToResume(progress, file);
    throw error;
  }
}

function sayHowToResume(progress: GetProgress, file: PartialFile): void {
  const { held, path } = file;
  if (held === undefined || held.receivedBytes === 0) {
    progress.note("Interrupted before anything came");
  } else if (held.representation.validator === undefined) {
    progress.note("Interrupted: the server gives no strong validator, so the next run starts again from zero");
  } else {
    progress.note(
      `Interrupted: ${formatBytes(held.receivedBytes)} are kept in ${path}.part, run the same command again to get the rest`,
    );
  }
}

function report({ progress, rows }: Run, place: string, downloaded: Downloaded): void {
  const { completeLength, algorithms, unchecked } = downloaded;
  const checked = algorithms.length > 0 ? `${algorithms.join(" and ")} is right` : "no digest to compare with";
  const parts = [`${completeLength} bytes`, rows.describeAll(), checked].filter((part) => part !== undefined);
  progress.note(`${place}: ${parts.join(", ")}`);
  for (const warning of rows.warnings()) progress.note(warning);
  if (unchecked.length > 0) progress.note(`${unchecked.join(" and ")} came too late to be compared`);
}

function describe(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `It may not be written: ${error.message}`;
    case "ENOENT":
    case "ENOTDIR":
      return `The folder is not there: ${error.message}`;
    default:
      return error.code === undefined ? (error.stack ?? error.message) : error.message;
  }
}
