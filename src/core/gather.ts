import { FRAME_HEAD_BYTES, leaseBuffer, returnBuffer } from "./budget.ts";

/** What a source gives: text, encoded as UTF-8, or bytes. Bytes belong to Sluice from then on: do not write to them. */
export type Item = string | Uint8Array;

/** Bytes at hand for one write, in order. */
export interface Piece {
  /** The views to write. They stay untouched until the piece is released. */
  readonly parts: readonly Uint8Array[];
  readonly byteLength: number;
  /**
   * The pool's buffer, where `parts` is one view of it: {@link FRAME_HEAD_BYTES} before and `FRAME_TAIL_BYTES` behind
   * the view are free for framing.
   */
  readonly framed: Uint8Array<ArrayBuffer> | undefined;
}

/** A piece that lies whole in one buffer of the pool: most do, and their framing needs no view of the bytes alone. */
class FramedPiece implements Piece {
  readonly framed: Uint8Array<ArrayBuffer>;
  readonly byteLength: number;

  constructor(framed: Uint8Array<ArrayBuffer>, byteLength: number) {
    this.framed = framed;
    this.byteLength = byteLength;
  }

  get parts(): readonly Uint8Array[] {
    return [this.framed.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + this.byteLength)];
  }

  get lease(): Uint8Array<ArrayBuffer> {
    return this.framed;
  }
}

interface LeasedPiece extends Piece {
  readonly lease: Uint8Array<ArrayBuffer> | undefined;
}

/** From here on bytes are written where they lie; smaller ones are copied together. */
const BY_REFERENCE_BYTES = 4096;

/** What is left of a text is copied where it is less than this part of it: a slice keeps the whole in memory. */
const COPIED_SHARE = 1 / 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Gathers items into pieces for one write each.
 *
 * Text is encoded as one string, so a surrogate pair may be split across items, as in WHATWG's TextEncoderStream; the
 * result never depends on when a piece is taken.
 */
export class Gather {
  /** Bytes and whole strings before {@link #text}. */
  #queue: Item[] = [];
  /** Where the first of the queue goes on, in bytes. Strings are cut instead. */
  #offset = 0;
  /** The text behind the queue: concatenating is what the engine does fastest with small strings. */
  #text = "";
  #size = 0;

  /** What is held: bytes, and UTF-16 code units of text that is not encoded yet (so at most three times as many bytes). */
  get size(): number {
    return this.#size;
  }

  add(item: Item): void {
    if (typeof item === "string") {
      this.#text += item;
      this.#size += item.length;
    } else if (item.byteLength > 0) {
      this.#closeText();
      this.#queue.push(item);
      this.#size += item.byteLength;
    }
  }

  /** Lets go of everything. */
  clear(): void {
    this.#queue = [];
    this.#text = "";
    this.#offset = 0;
    this.#size = 0;
  }

  /**
   * Takes up to `maxBytes` from the front; small items and text at most `leaseBytes` of that.
   *
   * @param final - nothing will be added: a lone surrogate at the end is not waited for, but becomes U+FFFD
   * @returns undefined where there is nothing to take; the caller gives the piece back by {@link releasePiece}
   */
  take(maxBytes: number, leaseBytes: number, final: boolean): Piece | undefined {
    if (this.#size === 0 || maxBytes === 0) return undefined;
    if (this.#text !== "") this.#closeText();
    const parts: Uint8Array[] = [];
    const queue = this.#queue;
    let lease: Uint8Array<ArrayBuffer> | undefined;
    let begun = FRAME_HEAD_BYTES;
    let filled = FRAME_HEAD_BYTES;
    let total = 0;
    let taken = 0;
    const leaseEnd = FRAME_HEAD_BYTES + leaseBytes;
    while (taken < queue.length && total < maxBytes) {
      const item = queue[taken]!;
      const room = Math.min(maxBytes - total, leaseEnd - filled);
      if (typeof item === "string") {
        lease ??= leaseBuffer(leaseBytes);
        const end = textEnd(item, room, final || taken + 1 < queue.length);
        if (end === 0) break;
        const { read, written } = encoder.encodeInto(
          end === item.length ? item : item.slice(0, end),
          lease.subarray(filled, filled + room),
        );
        filled += written;
        total += written;
        this.#size -= read;
        if (read < item.length) {
          const rest = item.slice(read);
          queue[taken] = rest.length < item.length * COPIED_SHARE ? copyText(rest) : rest;
          break;
        }
        taken++;
      } else {
        const rest = item.byteLength - this.#offset;
        let length: number;
        if (rest < BY_REFERENCE_BYTES) {
          length = Math.min(rest, room);
          if (length === 0) break;
          lease ??= leaseBuffer(leaseBytes);
          const whole = length === item.byteLength;
          lease.set(whole ? item : item.subarray(this.#offset, this.#offset + length), filled);
          filled += length;
        } else {
          if (filled > begun) parts.push(lease!.subarray(begun, filled));
          begun = filled;
          length = Math.min(rest, maxBytes - total);
          parts.push(length === item.byteLength ? item : item.subarray(this.#offset, this.#offset + length));
        }
        total += length;
        this.#size -= length;
        if (length < rest) {
          this.#offset += length;
          break;
        }
        this.#offset = 0;
        taken++;
      }
    }
    if (taken === queue.length) this.#queue = [];
    else if (taken > 0) queue.splice(0, taken);
    if (total === 0) {
      if (lease) returnBuffer(lease);
      return undefined;
    }
    if (lease && parts.length === 0) return new FramedPiece(lease, total);
    if (filled > begun) parts.push(lease!.subarray(begun, filled));
    return { parts, byteLength: total, framed: undefined, lease } satisfies LeasedPiece as Piece;
  }

  #closeText(): void {
    if (this.#text === "") return;
    const last = this.#queue.length - 1;
    const before = this.#queue[last];
    // What is left of text and the text behind it are one string, so that a pair which came in halves is found.
    if (typeof before === "string") this.#queue[last] = before + this.#text;
    else this.#queue.push(this.#text);
    this.#text = "";
  }
}

/** Gives the buffer of a piece back to the pool. Its bytes must be out of our hands. */
export function releasePiece(piece: Piece): void {
  const { lease } = piece as LeasedPiece;
  if (lease) returnBuffer(lease);
}

/**
 * How much of `text`, in code units, may be encoded into `room` bytes: no pair is cut, and a high surrogate at the very
 * end waits for its other half unless `final`.
 */
function textEnd(text: string, room: number, final: boolean): number {
  const end = Math.min(text.length, room);
  if (end === 0) return 0;
  const waits = end < text.length || !final;
  return waits && isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** A text that shares no memory with the one it was cut from. Half a pair at its end stays what it is. */
function copyText(text: string): string {
  const end = isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.length - 1 : text.length;
  return decoder.decode(encoder.encode(text.slice(0, end))) + text.slice(end);
}
