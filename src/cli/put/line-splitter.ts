import { StreamError } from "../stream/stream-error.ts";

/** What a line may have: it waits for its end. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** Cuts bytes behind the last line's end that is there. */
export class LineSplitter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /**
   * @param chunk - the splitter's from now on
   * @returns whole lines; undefined where none has ended
   * @throws StreamError
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    const lines = end === 0 ? undefined : this.#join(chunk.subarray(0, end));
    const rest = chunk.subarray(end);
    if (rest.byteLength > 0) this.#rest.push(rest);
    this.#restBytes += rest.byteLength;
    if (this.#restBytes > MAX_LINE_BYTES) throw new StreamError(`A line has more than ${MAX_LINE_BYTES} bytes`);
    return lines;
  }

  /** @returns the last line, where it has no end */
  end(): Uint8Array | undefined {
    return this.#restBytes === 0 ? undefined : this.#join(new Uint8Array());
  }

  #join(last: Uint8Array): Uint8Array {
    const joined = this.#restBytes === 0 ? last : Buffer.concat([...this.#rest, last]);
    this.#rest = [];
    this.#restBytes = 0;
    return joined;
  }
}
