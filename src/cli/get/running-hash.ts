import { type Hash, createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

const READ_BYTES = 1024 * 1024;

/** By its name in RFC 9530 §5. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["sha-256", "sha256"],
  ["sha-512", "sha512"],
]);

/** Hashes bytes in their order, by one algorithm or several. */
export class RunningHash {
  #hashes = new Map<string, Hash>();
  #hashedBytes = 0;

  constructor(algorithms: Iterable<string>) {
    for (const algorithm of algorithms) this.#hashes.set(algorithm, createHash(NAMES.get(algorithm)!));
  }

  get hashedBytes(): number {
    return this.#hashedBytes;
  }

  hasAll(algorithms: Iterable<string>): boolean {
    return [...algorithms].every((algorithm) => this.#hashes.has(algorithm));
  }

  update(chunk: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(chunk);
    this.#hashedBytes += chunk.byteLength;
  }

  /** Hashes what a file holds up to `endBytes` and was not hashed yet, in constant memory. */
  async readFrom(
    handle: FileHandle,
    endBytes: number,
    options: { signal: AbortSignal; onProgress?: (hashedBytes: number) => void },
  ): Promise<void> {
    if (this.#hashes.size === 0) return;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    while (this.#hashedBytes < endBytes) {
      options.signal.throwIfAborted();
      const length = Math.min(READ_BYTES, endBytes - this.#hashedBytes);
      const { bytesRead } = await handle.read(buffer, 0, length, this.#hashedBytes);
      if (bytesRead === 0) throw new Error("The file became shorter while it was read");
      this.update(buffer.subarray(0, bytesRead));
      options.onProgress?.(this.#hashedBytes);
    }
  }

  /** Of what was hashed so far; undefined for an algorithm that was not computed. More can follow. */
  digest(algorithm: string): Uint8Array | undefined {
    return this.#hashes.get(algorithm)?.copy().digest();
  }
}
