import type { ClientRequest, IncomingMessage } from "node:http";
import { InterruptedError } from "../../client/download-error.ts";
import { IdleTimer } from "../../core/clocks.ts";

/** What may wait for its reader: reading from the socket stops above it. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/**
 * The bytes of an answer, all that have come before it broke off included (a stream of Node's forgets those that nobody has
 * taken by then). To be read once.
 */
export class ResponseBody implements AsyncIterable<Uint8Array> {
  readonly #response: IncomingMessage;
  readonly #stallTimeoutMs: number;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #failure: Error | undefined;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** Reading begins at once: what comes before the first chunk is asked for is kept, too. */
  constructor(request: ClientRequest, response: IncomingMessage, stallTimeoutMs: number) {
    this.#response = response;
    this.#stallTimeoutMs = stallTimeoutMs;
    // A reset in a body that ends with its connection is told to the request only: to the response it is the end.
    for (const emitter of [request, response]) emitter.on("error", (error: Error) => this.#end(error));
    response.on("data", (chunk: Buffer) => this.#push(chunk));
    response.on("end", () => this.#end());
    response.on("close", () => this.#end());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const timer = new IdleTimer(this.#stallTimeoutMs, () =>
      this.#end(new InterruptedError(`No byte has come for ${this.#stallTimeoutMs / 1000} s`)),
    );
    try {
      for (;;) {
        const chunks = this.#takeAll();
        yield* chunks;
        // The time that the reader took is not the server's.
        if (chunks.length > 0 || this.#queue.length > 0) continue;
        if (this.#hasEnded) break;
        timer.arm();
        await new Promise<void>((resolve) => (this.#wake = resolve));
        timer.disarm();
      }
    } finally {
      timer.clear();
    }
    this.#throwUnlessWhole();
  }

  #push(chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.byteLength;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#response.pause();
    this.#wakeUp();
  }

  #takeAll(): Buffer[] {
    const chunks = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    if (this.#response.isPaused()) this.#response.resume();
    return chunks;
  }

  #end(failure?: Error): void {
    // What is an error after the end is the connection's.
    if (!this.#hasEnded) this.#failure = failure;
    this.#hasEnded = true;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #throwUnlessWhole(): void {
    const failure: NodeJS.ErrnoException | undefined = this.#failure;
    if (failure instanceof InterruptedError) throw failure;
    if (failure === undefined && this.#response.complete) return;
    const why = failure ? ` (${failure.code ?? failure.message})` : "";
    throw new InterruptedError(`The connection broke in the middle of the body${why}`, { cause: failure });
  }
}
