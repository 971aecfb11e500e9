import type { Position } from "../logs/event-log.ts";
import { formatOffset } from "./offset.ts";

const [LF, CR, SPACE] = [0x0a, 0x0d, 0x20];
/** What is shorter is faster by hand than by a call of Node's. */
const BY_HAND = 64;

const ZERO = 0x30;

const encoder = new TextEncoder();
const ID_LINE = encoder.encode(`id: ${formatOffset(0)}\n`);

/**
 * Writes frames of an event stream (WHATWG HTML §9.2.5) into one buffer. Messages are copied, and never made text: each of their
 * bytes is looked at once, or twice.
 */
export class FrameWriter {
  #buffer: Buffer<ArrayBuffer>;
  #length = 0;

  /** @param capacity - as far as it is known, in bytes; it grows where it must */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** @param text - of ASCII */
  ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const buffer = this.#buffer;
    const begin = this.#length;
    if (length > BY_HAND) buffer.write(text, begin, "latin1");
    else for (let at = 0; at < length; at++) buffer[begin + at] = text.charCodeAt(at);
    this.#length = begin + length;
  }

  /** An `id` line that has an offset. */
  id(position: Position): void {
    this.#reserve(ID_LINE.byteLength);
    const buffer = this.#buffer;
    buffer.set(ID_LINE, this.#length);
    this.#length += ID_LINE.byteLength;
    // Digits from the last to the first, before the line's end.
    for (let at = this.#length - 2, rest = position; rest > 0; at--) {
      const left = Math.floor(rest / 10);
      buffer[at] = ZERO + (rest - left * 10);
      rest = left;
    }
  }

  text(text: string): void {
    if (text !== "") this.#copy(encoder.encode(text));
  }

  /**
   * Text as `data` lines, which CR, LF or both end.
   *
   * @param prefix - `data: ` or `data:`. A reader takes one space off a line (§9.2.6): without one in the prefix, a line that begins
   *   with one gets another
   * @param parts - one text, whose line ends may lie across them
   */
  data(prefix: string, parts: readonly Uint8Array[]): void {
    const keepsSpace = prefix.endsWith(" ");
    let isLineStart = true;
    let isAfterCr = false;
    this.ascii(prefix);
    for (const part of parts) {
      if (part.byteLength === 0) continue;
      let begin = isAfterCr && part[0] === LF ? 1 : 0;
      isAfterCr = false;
      const ends = new LineEnds(part);
      for (;;) {
        const end = ends.from(begin);
        if (end > begin) {
          if (isLineStart && !keepsSpace && part[begin] === SPACE) this.ascii(" ");
          this.#copy(begin === 0 && end === part.byteLength ? part : part.subarray(begin, end));
          isLineStart = false;
        }
        if (end === part.byteLength) break;
        this.ascii("\n");
        this.ascii(prefix);
        isLineStart = true;
        begin = end + 1;
        if (part[end] !== CR) continue;
        if (begin === part.byteLength) isAfterCr = true;
        else if (part[begin] === LF) begin++;
      }
    }
    this.ascii("\n");
  }

  /** What was written. Nothing is to be written from then on. */
  finish(): Uint8Array<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.#buffer;
    // What is kept keeps the whole buffer.
    if (this.#length < byteLength * 0.75) return new Uint8Array(this.#buffer.subarray(0, this.#length));
    return new Uint8Array(buffer, byteOffset, this.#length);
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  #reserve(bytes: number): void {
    const wanted = this.#length + bytes;
    if (wanted <= this.#buffer.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.byteLength * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Where lines of a text end. Long ones are looked through by Node, for each kind of end once. */
class LineEnds {
  readonly #bytes: Buffer;
  #lf = -1;
  #cr = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @returns where the line that begins there ends; the length where it does not. Never asked for less than before */
  from(begin: number): number {
    const bytes = this.#bytes;
    const { byteLength } = bytes;
    if (byteLength <= BY_HAND) {
      let at = begin;
      while (at < byteLength && bytes[at] !== LF && bytes[at] !== CR) at++;
      return at;
    }
    if (this.#lf < begin) this.#lf = this.#find(LF, begin);
    if (this.#cr < begin) this.#cr = this.#find(CR, begin);
    return Math.min(this.#lf, this.#cr);
  }

  #find(byte: number, begin: number): number {
    const at = this.#bytes.indexOf(byte, begin);
    return at < 0 ? this.#bytes.byteLength : at;
  }
}
