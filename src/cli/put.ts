import { type InputFormat, type Piece, inputFormatOf } from "./put/input-format.ts";
import { openStream } from "./put/open-stream.ts";
import { Outbox } from "./put/outbox.ts";
import { Producer, RefusedError } from "./put/producer.ts";
import type { RequestCommandOptions } from "./request-options.ts";
import { Requests } from "./stream/requests.ts";
import { note, runCommand } from "./stream/run-command.ts";

export interface PutCommandOptions extends RequestCommandOptions {
  json?: boolean;
  type?: string;
  producer?: string;
  close?: boolean;
}

/** Appends what comes on standard input. */
export async function runPut(url: URL, options: PutCommandOptions): Promise<void> {
  const { header, json, producer: id, retries } = options;
  const progress = new PutProgress();
  await runCommand({
    async run(signal) {
      const [maxDelayMs, timeoutMs] = [options.maxRetryDelay * 1000, options.stallTimeout * 1000];
      const requests = new Requests({ url, fields: header, retries, maxDelayMs, timeoutMs, signal, onNote: note });
      const contentType = await openStream(requests, json ? "application/json" : options.type);
      const producer = new Producer(requests, contentType, id);
      const format = inputFormatOf(contentType);
      const outbox = new Outbox();
      const reading = readInto(outbox, format);
      // What came before a failure of the input is appended all the same.
      reading.catch(() => {});
      await appendFrom(outbox, format, producer, progress);
      await reading;
      if (options.close) await producer.close();
    },
    describePlace: () => progress.describe(),
  });
}

async function readInto(outbox: Outbox, format: InputFormat): Promise<void> {
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      for (const piece of format.push(chunk)) await outbox.add(piece);
    }
    for (const piece of format.end()) await outbox.add(piece);
  } finally {
    outbox.end();
  }
}

async function appendFrom(
  outbox: Outbox,
  format: InputFormat,
  producer: Producer,
  progress: PutProgress,
): Promise<void> {
  for (let pieces = await outbox.take(); pieces; pieces = await outbox.take()) {
    progress.begin(pieces);
    try {
      await producer.append(format.join(pieces));
      progress.end();
    } catch (error) {
      if (error instanceof RefusedError) progress.cancel();
      throw error;
    }
  }
}

interface Amount {
  readonly lines: number;
  readonly bytes: number;
}

/** How far the input is appended. */
class PutProgress {
  #done: Amount = { lines: 0, bytes: 0 };
  #sent: Amount = { lines: 0, bytes: 0 };

  begin(pieces: readonly Piece[]): void {
    for (const { bytes, lines } of pieces) {
      this.#sent = { lines: this.#sent.lines + lines, bytes: this.#sent.bytes + bytes.byteLength };
    }
  }

  end(): void {
    this.#done = this.#sent;
  }

  cancel(): void {
    this.#sent = this.#done;
  }

  /** @returns undefined where nothing was sent */
  describe(): string | undefined {
    if (this.#sent.bytes === 0) return undefined;
    const unit = this.#sent.lines > 0 ? "lines" : "bytes";
    const [count, unknown] = [this.#done[unit], this.#sent[unit] - this.#done[unit]];
    const rest = unknown === 0 ? "" : `; of the ${unknown} behind them that is not known`;
    return `Appended of the input: its first ${count} ${unit}${rest}`;
  }
}
