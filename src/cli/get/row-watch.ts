import type { Answer, Destination, Exchange } from "../../client/destination.ts";
import type { Held } from "../../client/judge-answer.ts";
import type { Representation } from "../../client/representation.ts";
import { RecordCounter, formatCount } from "./record-counter.ts";

/**
 * Counts the rows of a download while they pass, and holds them against what the server says of them in the end: the
 * trailers `X-Rows` and `X-Status`.
 */
export class RowWatch {
  #answer: Answer | undefined;
  /** Of all bytes from the first one on: none where an earlier run has got some of them. */
  #counter: RecordCounter | undefined;

  /** The same exchange, watched. */
  exchange(exchange: Exchange): Exchange {
    return async (fields, signal) => (this.#answer = await exchange(fields, signal));
  }

  /** The same destination, watched. */
  destination(destination: Destination): Destination {
    return new WatchedDestination(destination, {
      begin: () => (this.#counter = RecordCounter.of(this.#answer?.fields.get("content-type") ?? null)),
      add: (chunk) => this.#counter?.add(chunk),
    });
  }

  /** What has come so far; undefined where rows are not counted. */
  describe(): string | undefined {
    return this.#counter?.describe();
  }

  /** How many rows have come in the end, by the server's word where it gives it. */
  describeAll(): string | undefined {
    const rows = this.#announced();
    if (rows === undefined || this.#counter?.mayBe(rows) === false) return this.describe();
    return `${formatCount(rows)} row${rows === 1 ? "" : "s"}`;
  }

  /** What the user should know of a download that has ended. */
  warnings(): string[] {
    const warnings: string[] = [];
    const rows = this.#announced();
    if (rows !== undefined && this.#counter?.mayBe(rows) === false) {
      warnings.push(
        `Not all is right: the server says that it sent ${formatCount(rows)} rows, and ${this.describe()} have come`,
      );
    }
    if (this.#answer?.trailers().get("x-status") === "truncated") {
      warnings.push("It is not all: the server has cut it, and has more rows (X-Status: truncated)");
    }
    return warnings;
  }

  #announced(): number | undefined {
    if (this.#answer?.status !== 200) return undefined;
    const field = this.#answer.trailers().get("x-rows") ?? "";
    return /^\d{1,15}$/u.test(field) ? Number(field) : undefined;
  }
}

interface Watcher {
  /** The first byte comes next. */
  begin(): void;
  add(chunk: Uint8Array): void;
}

class WatchedDestination implements Destination {
  readonly #destination: Destination;
  readonly #watcher: Watcher;

  constructor(destination: Destination, watcher: Watcher) {
    this.#destination = destination;
    this.#watcher = watcher;
  }

  get held(): Held | undefined {
    return this.#destination.held;
  }

  open(answer: Answer): Promise<void> {
    return this.#destination.open(answer);
  }

  prepare(signal: AbortSignal): Promise<void> {
    return this.#destination.prepare(signal);
  }

  startAgain(representation: Representation): Promise<void> {
    this.#watcher.begin();
    return this.#destination.startAgain(representation);
  }

  learn(representation: Representation): Promise<void> {
    return this.#destination.learn(representation);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#watcher.add(chunk);
    return this.#destination.write(chunk);
  }

  flush(): Promise<void> {
    return this.#destination.flush();
  }

  digest(algorithm: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#destination.digest(algorithm, signal);
  }

  discard(): Promise<void> {
    return this.#destination.discard();
  }
}
