import { type FileHandle, open } from "node:fs/promises";
import type { Growing, GrowthEnd } from "../growing.ts";
import { readAt } from "../read-at.ts";

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

  /** Must have settled before {@link release}. */
  read(buffer: Uint8Array, position: number): Promise<number> {
    this.#assertThere();
    const wanted = Math.min(buffer.byteLength, this.length - position);
    return readAt(this.#file.fd, buffer, wanted, position, cutAt);
  }

  watch(): void {}

  unwatch(): void {}

  /** Closes it. Called once. */
  release(): void {
    this.#onRelease();
    this.#file.close().catch(() => {});
  }
}

/** What is said of a file of the spool that has become shorter. */
export function cutAt(position: number): Error {
  return new Error(`The spooled file was cut at ${position}`);
}
