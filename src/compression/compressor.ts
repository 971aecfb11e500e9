import zlib from "node:zlib";
import type { Transform } from "node:stream";
import { budget } from "../core/budget.ts";
import type { ContentCoding } from "../http/negotiation.ts";

type Encoder = Transform & { flush(kind: number, callback: () => void): void; close(): void };

/**
 * What a coded body holds beside its gather, in bytes, with the parameters below: its encoder, and a coded piece that a
 * stalled reader does not take. Measured as the growth of a process with hundreds of them; counted in the budget.
 */
const ENCODER_BYTES: Readonly<Record<ContentCoding, number>> = {
  zstd: 1536 * 1024,
  br: 1280 * 1024,
  gzip: 640 * 1024,
};

/** Codes a body as it goes by: what was put in is given out whole before more is asked for. */
export class Compressor {
  readonly #encoder: Encoder;
  readonly #flushKind: number;
  readonly #heldBytes: number;
  #chunks: Buffer[] = [];
  #closed = false;

  /** @returns undefined where the budget has no room for an encoder: the body is sent as it is */
  static create(coding: ContentCoding): Compressor | undefined {
    return budget.grant(ENCODER_BYTES[coding]) ? new Compressor(coding) : undefined;
  }

  private constructor(coding: ContentCoding) {
    this.#heldBytes = ENCODER_BYTES[coding];
    const { constants } = zlib;
    if (coding === "gzip") {
      this.#encoder = zlib.createGzip({ level: 6 });
      this.#flushKind = constants.Z_SYNC_FLUSH;
    } else if (coding === "br") {
      this.#encoder = zlib.createBrotliCompress({
        params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
      });
      this.#flushKind = constants.BROTLI_OPERATION_FLUSH;
    } else {
      this.#encoder = zlib.createZstdCompress({
        params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 18 },
      });
      this.#flushKind = constants.ZSTD_e_flush;
    }
    this.#encoder.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
  }

  /** Codes `parts`, and calls back with all that a reader needs to decode them. They must stay as they are until then. */
  push(parts: readonly Uint8Array[], callback: (error: Error | undefined, coded: Buffer[]) => void): void {
    this.#encoder.once("error", callback as (error: Error) => void);
    for (const part of parts) this.#encoder.write(part);
    this.#encoder.flush(this.#flushKind, () => {
      this.#encoder.removeListener("error", callback as (error: Error) => void);
      if (!this.#closed) callback(undefined, this.#takeChunks());
    });
  }

  /** Codes the last `parts`, and ends. */
  end(parts: readonly Uint8Array[], callback: (error: Error | undefined, coded: Buffer[]) => void): void {
    this.#encoder.once("error", callback as (error: Error) => void);
    for (const part of parts) this.#encoder.write(part);
    this.#encoder.once("end", () => {
      if (!this.#closed) callback(undefined, this.#takeChunks());
    });
    this.#encoder.end();
  }

  /** Frees the encoder. Nothing is called back after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#encoder.on("error", () => {});
    this.#encoder.destroy();
    budget.release(this.#heldBytes);
  }

  #takeChunks(): Buffer[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }
}
