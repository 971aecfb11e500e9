import type { IncomingMessage } from "node:http";
import { concat } from "../core/concat.ts";
import { HttpError } from "../errors.ts";

/** As the servers have it that stand on srvx, ours too: Node's own request is behind it. */
interface OnNode {
  readonly runtime?: { readonly node?: { readonly req?: IncomingMessage } };
}

/**
 * All of a request's body.
 *
 * @throws HttpError 413 for one that has more than `maxBytes`, as soon as that is known; 400 for one that breaks off
 */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get("Content-Length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  const body = new Gathered(maxBytes);
  const req = (request as OnNode).runtime?.node?.req;
  if (req && isUntouched(req) && !request.bodyUsed) await readFromNode(req, body);
  else if (request.body) for await (const chunk of request.body as ReadableStream<Uint8Array>) body.add(chunk);
  return body.bytes;
}

/** Chunks of a body that may only have so many bytes. */
class Gathered {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws HttpError 413 */
  add(chunk: Uint8Array): void {
    this.#length += chunk.byteLength;
    if (this.#length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#chunks.push(chunk);
  }

  /** A copy also of one chunk alone: it may be a small part of a large buffer, and is kept. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#chunks, this.#length);
  }
}

/** Nobody has begun to read it, or has put something else in its place. */
function isUntouched(req: IncomingMessage): boolean {
  return !req.readableDidRead && req.readableFlowing === null && !req.destroyed && !("rawBody" in req);
}

/** Without the stream that would stand between, which costs more than all else of a small request. */
function readFromNode(req: IncomingMessage, body: Gathered): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      req.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
      if (!error) return resolve();
      // What is left of it Node passes over, when the answer has been sent.
      req.pause();
      reject(error);
    };
    const onData = (chunk: Uint8Array): void => {
      try {
        body.add(chunk);
      } catch (error) {
        settle(error as Error);
      }
    };
    const onEnd = (): void => settle();
    const onBroken = (): void => settle(new HttpError(400, "The body broke off"));
    req.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
  });
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `A message has at most ${maxBytes} bytes`);
}
