import { concat } from "./concat.ts";
import { readerLeft } from "./abort.ts";
import { Body, type BodyOptions, type BodyStarter, bindBody } from "./body.ts";
import type { Piece } from "./gather.ts";
import { EmptyAnswer } from "./puller.ts";
import { createPump } from "./pump.ts";
import type { Pump, PumpOwner, Sink } from "./sink.ts";

/**
 * Makes a body, and the `ReadableStream` that stands for it in a `Response`. Nothing runs until somebody reads: a sender
 * of ours finds the body by its stream, anybody else's reads the stream.
 */
export function bodyStream(options: BodyStarter & BodyOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
  const body = new Body(options);
  let source: WebSource | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        source ??= openWebSource(body, controller);
        return source.pull();
      },
      cancel(reason) {
        if (source) source.cancel(reason);
        else body.discard();
      },
    },
    { highWaterMark: 0 },
  );
  bindBody(stream, body);
  return stream;
}

function openWebSource(body: Body, controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): WebSource {
  const { opened } = body;
  try {
    return new WebSource(body, controller);
  } catch (error) {
    // The outcome of a body that is being sent already is not ours to say.
    if (!opened) body.finish("failed", 0, error);
    throw error;
  }
}

/**
 * A body read as a web stream, under a server that is not ours. It keeps what a stream can: nothing is pulled that was not
 * asked for, a failure errors the stream, cancelling it reaches the source. Status, trailers, compression and stalled
 * readers are the server's.
 */
class WebSource implements Sink, PumpOwner {
  readonly stallTimeoutMs = Infinity;
  readonly #body: Body;
  readonly #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  readonly #pump: Pump;
  #started = false;
  /** Settles the stream's pull that is waiting for bytes. */
  #answer: (() => void) | undefined;

  constructor(body: Body, controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) {
    this.#body = body;
    this.#controller = controller;
    this.#pump = createPump(body.open(), this, this);
  }

  get contentLength(): number | undefined {
    return this.#body.options.contentLength;
  }

  onEnd(): void {
    this.#body.finish("completed", this.#pump.bytesWritten);
  }

  onError(error: unknown): void {
    if (error instanceof EmptyAnswer) {
      this.#body.finish("completed", 0);
      this.#controller.close();
    } else {
      // A status can no longer be changed from here: the reader sees the stream fail.
      this.#body.finish("failed", this.#pump.bytesWritten, error);
      this.#controller.error(error);
    }
    this.#settle();
  }

  onStall(): void {}

  pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      if (this.#started) return this.#pump.taken(false);
      this.#started = true;
      this.#pump.start();
    });
  }

  cancel(reason: unknown): void {
    const why: unknown = reason ?? readerLeft();
    this.#body.abort(why);
    this.#pump.stop(why);
    this.#body.finish("aborted", this.#pump.bytesWritten);
  }

  write(piece: Piece): boolean {
    this.#body.firstByte();
    // The reader owns what it gets, and the piece's buffer goes back to the pool.
    this.#controller.enqueue(concat(piece.parts, piece.byteLength));
    this.#settle();
    return false;
  }

  end(piece: Piece | undefined): boolean {
    if (piece) this.write(piece);
    this.#controller.close();
    this.#settle();
    return true;
  }

  #settle(): void {
    this.#answer?.();
    this.#answer = undefined;
  }
}
