import { type Block, MAX_BLOCK_BYTES, leaseBlock, releaseBlock, returnBlock } from "./block-pool.ts";
import type { Blocks } from "./blocks.ts";
import { GATHER_BYTES, READ_AHEAD_BYTES } from "./budget.ts";
import { IdleTimer } from "./clocks.ts";
import type { Piece } from "./gather.ts";
import type { Pump, PumpOwner, Sink } from "./sink.ts";

/**
 * What is handed to a sink that takes no more at once, in bytes: when it has gone there is room again. It is all that a
 * sleeping reader holds, so it is small.
 */
const TOKEN_BYTES = 4 * 1024;
/** A block that a reader has not taken more of for this time is given back, in ms; it is read again when he wakes. */
const ASLEEP_AFTER_MS = 50;

/**
 * Moves bytes that are all there to a sink: reads a block, offers it, reads the next one. One block at a time: the kernel
 * sends what it was given while the next one is read.
 *
 * A sink that can say how much it takes leaves the rest of the block with us, and so it can be given back when the reader
 * falls asleep. Blocks double while the reader takes them, and are small again after he has slept.
 */
export class BlockPump implements Pump {
  readonly #blocks: Blocks;
  readonly #sink: Sink;
  readonly #owner: PumpOwner;
  #stall: IdleTimer | undefined;
  #asleep: IdleTimer | undefined;
  #isAsleep = false;
  #closed = false;
  #reading = false;
  #block: Block | undefined;
  /** What of the block is still to go: from, up to. */
  #from = 0;
  #to = 0;
  /** The sink has this in hand: its own copy, the whole block, or the end. */
  #inHand: "token" | "block" | "end" | undefined;
  #token: Uint8Array<ArrayBuffer> | undefined;
  #wantedBytes: number = GATHER_BYTES;
  #written = 0;
  #failure: { error: unknown } | undefined;

  constructor(blocks: Blocks, sink: Sink, owner: PumpOwner) {
    this.#blocks = blocks;
    this.#sink = sink;
    this.#owner = owner;
  }

  get bytesWritten(): number {
    return this.#written;
  }

  start(): void {
    this.#read();
  }

  taken(slow: boolean): void {
    const inHand = this.#inHand;
    if (inHand === undefined || this.#closed) return;
    this.#inHand = undefined;
    this.#stall?.disarm();
    this.#asleep?.disarm();
    this.#isAsleep = false;
    if (inHand === "end") return this.#end();
    if (inHand === "block") {
      this.#giveBack();
      // A sink that has no way to say how much it takes has memory of its own to fill.
      this.#grow(slow || !this.#sink.writeSome ? 0 : READ_AHEAD_BYTES);
    }
    this.#goOn();
  }

  stop(): void {
    if (!this.#closed) this.#close();
  }

  drain(): boolean {
    return false;
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #close(): void {
    this.#closed = true;
    this.#stall?.clear();
    this.#asleep?.clear();
    // A read under way gives its block back when it has settled.
    if (!this.#reading) this.#giveBack();
    this.#blocks.close();
  }

  #goOn(): void {
    if (this.#closed || this.#reading || this.#inHand === "end" || this.#inHand === "block") return;
    if (this.#block) {
      if (this.#inHand === undefined) this.#write();
    } else if (this.#failure) {
      if (this.#inHand === undefined) this.#fail(this.#failure.error);
    } else this.#read();
  }

  #read(): void {
    const rest = this.#blocks.byteLength - this.#written;
    if (rest === 0) return this.#finish(undefined);
    this.#block = leaseBlock(Math.min(this.#wantedBytes, rest));
    this.#reading = true;
    const buffer = this.#block.byteLength > rest ? this.#block.subarray(0, rest) : this.#block;
    this.#blocks.read(buffer, this.#written).then(this.#onRead, this.#onReadFailed);
  }

  readonly #onRead = (bytes: number): void => {
    this.#reading = false;
    if (this.#closed || this.#isAsleep) return this.#giveBack();
    this.#from = 0;
    this.#to = bytes;
    this.#goOn();
  };

  readonly #onReadFailed = (error: unknown): void => {
    this.#reading = false;
    this.#giveBack();
    if (this.#closed) return;
    this.#failure = { error };
    this.#goOn();
  };

  #giveBack(): void {
    if (!this.#block) return;
    // What the sink has in hand it may still read from.
    if (this.#inHand === "block" || this.#inHand === "end") releaseBlock(this.#block);
    else returnBlock(this.#block);
    this.#block = undefined;
  }

  /** The next block may be twice as large, up to `maxBytes`. */
  #grow(maxBytes: number): void {
    this.#wantedBytes = Math.max(GATHER_BYTES, Math.min(this.#wantedBytes * 2, maxBytes));
  }

  /** Offers what there is of the block; nothing is in hand. */
  #write(): void {
    const last = this.#written + this.#to - this.#from === this.#blocks.byteLength;
    // The last bytes go with the end.
    const until = last ? Math.max(this.#from, this.#to - TOKEN_BYTES) : this.#to;
    const taken = this.#writeSome(until);
    if (this.#isClosed()) return;
    if (taken === undefined) return this.#writeBlock(last);
    if (this.#from < this.#to) {
      const token = this.#takeToken();
      if (last && this.#from === this.#to) {
        this.#giveBack();
        return this.#finish(token);
      }
      this.#hand(token, "token");
      if (this.#isClosed()) return;
    }
    if (this.#from === this.#to) {
      this.#grow(MAX_BLOCK_BYTES);
      this.#giveBack();
    }
    this.#goOn();
  }

  /** @returns how many bytes were taken; undefined where the sink has no way to say */
  #writeSome(until: number): number | undefined {
    if (!this.#sink.writeSome) return undefined;
    // Where there is but one token left, an empty offer finds out whether the sink can say.
    const taken = this.#sink.writeSome(this.#block!.subarray(this.#from, until));
    if (taken === undefined) return undefined;
    this.#from += taken;
    this.#written += taken;
    return taken;
  }

  /** Copies the next bytes, so that the block stays ours. */
  #takeToken(): Piece {
    const { length } = (this.#token ??= new Uint8Array(TOKEN_BYTES));
    const end = Math.min(this.#from + length, this.#to);
    const bytes = this.#token.subarray(0, end - this.#from);
    bytes.set(this.#block!.subarray(this.#from, end));
    this.#from = end;
    return pieceOf(bytes);
  }

  /** The sink gets the whole block, and has it until it is done with it. */
  #writeBlock(last: boolean): void {
    const piece = pieceOf(this.#block!.subarray(this.#from, this.#to));
    this.#from = this.#to;
    if (last) return this.#finish(piece);
    this.#hand(piece, "block");
    if (this.#closed || this.#inHand) return;
    this.#giveBack();
    this.#grow(this.#sink.writeSome ? READ_AHEAD_BYTES : 0);
    this.#goOn();
  }

  #hand(piece: Piece, kind: "token" | "block"): void {
    this.#written += piece.byteLength;
    if (!this.#sink.write(piece) && !this.#closed) this.#keepInHand(kind);
  }

  #keepInHand(kind: "token" | "block" | "end"): void {
    this.#inHand = kind;
    this.#stall ??= new IdleTimer(this.#owner.stallTimeoutMs, () => this.#owner.onStall());
    this.#stall.arm();
    if (kind !== "token") return;
    this.#asleep ??= new IdleTimer(ASLEEP_AFTER_MS, () => this.#onAsleep());
    this.#asleep.arm();
  }

  #onAsleep(): void {
    this.#isAsleep = true;
    this.#wantedBytes = GATHER_BYTES;
    if (!this.#reading) this.#giveBack();
  }

  #finish(piece: Piece | undefined): void {
    this.#written += piece?.byteLength ?? 0;
    const atOnce = this.#sink.end(piece);
    if (this.#isClosed()) return;
    if (atOnce) this.#end();
    else this.#keepInHand("end");
  }

  #end(): void {
    this.#close();
    this.#owner.onEnd();
  }

  #fail(error: unknown): void {
    this.#close();
    this.#owner.onError(error);
  }
}

function pieceOf(bytes: Uint8Array): Piece {
  return { parts: [bytes], byteLength: bytes.byteLength, framed: undefined };
}
