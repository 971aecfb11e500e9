import { Compressor } from "../../compression/compressor.ts";
import type { Item, Puller } from "../../core/puller.ts";
import { HttpError } from "../../errors.ts";
import type { ContentCoding } from "../../http/negotiation.ts";
import type { Growing } from "../growing.ts";
import { GrowingBlocks } from "../growing-blocks.ts";
import type { SpoolSource, SpooledBody } from "./spooled-body.ts";

/** What is coded at a time, in bytes, where so much is there. */
const PIECE_BYTES = 256 * 1024;
/** What is said of a failure that nobody is to know more of. */
const FAILED = "It failed while it was made";

/**
 * A body's bytes in a content coding: of what is there, and of what still comes. What is coded can be decoded at once.
 *
 * @returns undefined where the budget has no room for an encoder. Rejects where the body cannot be read
 */
export async function openCodedSource(body: SpooledBody, coding: ContentCoding): Promise<SpoolSource | undefined> {
  const compressor = Compressor.create(coding);
  if (!compressor) return undefined;
  try {
    const bytes = await body.open();
    return { puller: new CodedPuller(bytes, compressor, () => bytes.release()), details: () => ({}) };
  } catch (error) {
    compressor.close();
    throw error;
  }
}

class CodedPuller implements Puller {
  readonly #blocks: GrowingBlocks;
  readonly #compressor: Compressor;
  readonly #buffer = new Uint8Array(PIECE_BYTES);
  readonly #coded: Uint8Array[] = [];
  #position = 0;
  #closed = false;

  constructor(growing: Growing, compressor: Compressor, onClose: () => void) {
    this.#blocks = new GrowingBlocks(growing, 0, onClose);
    this.#compressor = compressor;
  }

  async pull(): Promise<Item | undefined> {
    for (;;) {
      const coded = this.#coded.shift();
      if (coded || this.#closed) return coded;
      await this.#codeMore();
    }
  }

  cancel(): void {
    this.#close();
  }

  async #codeMore(): Promise<void> {
    const bytesRead = await this.#read();
    if (this.#closed) return;
    this.#position += bytesRead;
    const isEnd = bytesRead === 0;
    await new Promise<void>((resolve, reject) => {
      const onCoded = (error: Error | undefined, chunks: Uint8Array[] = []): void => {
        if (error) return reject(error);
        this.#coded.push(...chunks);
        resolve();
      };
      if (isEnd) this.#compressor.end([], onCoded);
      else this.#compressor.push([this.#buffer.subarray(0, bytesRead)], onCoded);
    });
    if (isEnd) this.#close();
  }

  /** @returns 0 at the end, or when it was closed meanwhile */
  async #read(): Promise<number> {
    try {
      await new Promise<void>((resolve) => {
        if (!this.#blocks.awaitMore(this.#position, resolve)) resolve();
      });
      if (this.#closed || this.#position === this.#blocks.byteLength) return 0;
      const wanted = Math.min(PIECE_BYTES, this.#blocks.availableLength - this.#position);
      return await this.#blocks.read(this.#buffer.subarray(0, wanted), this.#position);
    } catch (error) {
      this.#close();
      // The body itself has reported it.
      throw error instanceof HttpError ? error : new HttpError(500, FAILED, { cause: error });
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#compressor.close();
    this.#blocks.close();
  }
}
