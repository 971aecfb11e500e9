import { FollowError, follow } from "../client/index.ts";
import { essence } from "../http/headers.ts";
import { explain } from "./stream/explain.ts";
import type { RequestCommandOptions } from "./request-options.ts";
import { Requests, UnansweredError } from "./stream/requests.ts";
import { type Failure, note, runCommand } from "./stream/run-command.ts";
import { EventPrinter } from "./tail/event-printer.ts";
import { formatEvent } from "./tail/format-event.ts";

export interface TailCommandOptions extends RequestCommandOptions {
  after?: string;
  json?: boolean;
}

/** The stream was closed as failed. */
const STREAM_FAILED = 3;
/** A server of plain events may say nothing to HEAD before it has an event: it is not waited for, in ms. */
const HEAD_TIMEOUT_MS = 10_000;

/** Prints a stream's messages until it is closed. */
export async function runTail(url: URL, options: TailCommandOptions): Promise<void> {
  const { after, header, json, retries } = options;
  const [maxDelayMs, idleTimeoutMs] = [options.maxRetryDelay * 1000, options.stallTimeout * 1000];
  const printer = new EventPrinter(process.stdout);
  await runCommand({
    async run(signal) {
      const timeoutMs = Math.min(idleTimeoutMs, HEAD_TIMEOUT_MS);
      const requests = new Requests({ url, fields: header, retries, maxDelayMs, timeoutMs, signal, onNote: note });
      const stream = await lookAt(requests);
      const events = follow(requests.url, {
        // Where that is now: messages of a connection that was cut before the first one came would be lost otherwise.
        after: after === "now" ? (stream?.next ?? "now") : after,
        headers: requests.fields,
        signal,
        retries,
        maxDelayMs,
        idleTimeoutMs,
        onRetry: (error, delayMs) => note(`${describe(error)}: trying again in ${(delayMs / 1000).toFixed(1)} s`),
      });
      const format = { isJson: stream?.isJson ?? false, asObject: json === true };
      for await (const event of events) {
        const room = printer.print(formatEvent(event, format), event.id);
        if (room) await room;
      }
    },
    explain: explainFailure,
    flush: () => printer.flush(),
    describePlace: () => (printer.lastId === "" ? undefined : `To go on from here: --after ${printer.lastId}`),
  });
}

interface StreamHead {
  readonly next: string;
  readonly isJson: boolean;
}

/** @returns undefined for what is no Durable Stream: an event stream whose server need not even know HEAD */
async function lookAt(requests: Requests): Promise<StreamHead | undefined> {
  try {
    const { fields } = await requests.send("HEAD", { once: true });
    const next = fields.get("stream-next-offset");
    if (next === null) return undefined;
    return { next, isJson: essence(fields.get("content-type") ?? "") === "application/json" };
  } catch (error) {
    if (error instanceof UnansweredError) return undefined;
    throw error;
  }
}

function explainFailure(error: unknown): Failure | undefined {
  if (!(error instanceof FollowError)) return undefined;
  return { exitCode: error.streamFailed ? STREAM_FAILED : 1, message: describe(error) };
}

function describe(error: Error): string {
  return error.cause instanceof Error && !(error instanceof FollowError)
    ? `${error.message} (${explain(error.cause, true).reason})`
    : error.message;
}
