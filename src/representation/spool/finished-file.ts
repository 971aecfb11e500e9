import { type FileHandle, open } from "node:fs/promises";
import type { Growing, GrowthEnd } from "../growing.ts";

/** A spooled file that nothing is added to any more, open for one who reads. */
export class FinishedFile implements Growing {
  readonly length: number;
  readonly end: GrowthEnd = {};
  readonly #file: FileHandle;
  readonly #assertThere: () => void;
  readonly #onRelease: () => void;

  private constructor(file: FileHandle, length: number, assertThere: () => void, onRelease: () => void) {
    this.#file = file;
    this.length = length;
    this.#assertThere = assertThere;
    this.#onRelease = onRelease;
  }

  /**
   * @param assertThere - throws where the body was removed meanwhile: who reads it is to notice
   * @param onRelease - also called where it cannot be opened
   * @returns rejects with the file system's error
   */
  static async open(
    path: string,
    length: number,
    assertThere: () => void,
    onRelease: () => void,
  ): Promise<FinishedFile> {
    try {
      return new FinishedFile(await open(path), length, assertThere, onRelease);
    } catch (error) {
      onRelease();
      throw error;
    }
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#assertThere();
    const wanted = Math.min(buffer.byteLength, this.length - position);
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) throw new Error(`The spooled file was cut at ${position}`);
    return bytesRead;
  }

  watch(): void {}

  unwatch(): void {}

  /** Closes it. Called once. */
  release(): void {
    this.#onRelease();
    this.#file.close().catch(() => {});
  }
}
