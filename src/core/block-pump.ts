import { type Block, MAX_BLOCK_BYTES, areBlocksScarce, leaseBlock, releaseBlock, returnBlock } from "./block-pool.ts";
import type { Blocks } from "./blocks.ts";
import { GATHER_BYTES, READ_AHEAD_BYTES } from "./budget.ts";
import { IdleTimer } from "./clocks.ts";
import type { Piece } from "./gather.ts";
import { endReadTurn, takeReadTurn } from "./read-turns.ts";
import type { Pump, PumpOwner, Sink } from "./sink.ts";

/**
 * What is handed to a sink that takes no more at once, in bytes: when it has gone there is room again. It is all that a
 * sleeping reader holds, so it is small.
 */
const TOKEN_BYTES = 4 * 1024;
/** Blocks that a reader has not taken more of for this time are given back, in ms; they are read again when he wakes. */
const ASLEEP_AFTER_MS = 50;

/** A block and what of it is still to go. */
interface Filled {
  readonly block: Block;
  from: number;
  readonly to: number;
}

/**
 * Moves bytes that are there, or still come, to a sink: reads a block, and offers it while the next one is read.
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
  /** A read is under way, or waits for its turn, or for bytes. */
  #isReading = false;
  /** The read under way has one of the turns: whether it needed one may look different when it ends. */
  #hasTurn = false;
  /** It waits for bytes. */
  #isAwaiting = false;
  /** The read under way fills this. */
  #reading: Block | undefined;
  /** What the read under way brings is not wanted any more. */
  #inVain = false;
  /** Read, and offered when nothing is in hand. */
  #current: Filled | undefined;
  /** Read, and offered after `#current`. */
  #next: Filled | undefined;
  /** How far has been read. */
  #position = 0;
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
    const { byteLength, atHand } = this.#blocks;
    if (byteLength === 0) this.#finish(undefined);
    else if (atHand) this.#finish(pieceOf(atHand));
    else this.#read();
  }

  taken(slow: boolean): void {
    const inHand = this.#inHand;
    if (inHand === undefined || this.#closed) return;
    this.#inHand = undefined;
    this.#stall?.disarm();
    this.#asleep?.disarm();
    this.#isAsleep = false;
    if (inHand === "end") return this.#end();
    // A sink that has no way to say how much it takes has memory of its own to fill.
    if (inHand === "block") this.#dropCurrent(slow || !this.#sink.writeSome ? 0 : READ_AHEAD_BYTES);
    this.#goOn();
  }

  stop(_reason: unknown): void {
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
    this.#giveBack();
    this.#blocks.close();
  }

  #goOn(): void {
    if (this.#closed || this.#isAsleep || this.#inHand === "end" || this.#inHand === "block") return;
    if (!this.#current) {
      this.#current = this.#next;
      this.#next = undefined;
    }
    if (this.#mayRead()) this.#read();
    // What was read at once has gone on from there.
    if (this.#inHand !== undefined || this.#isClosed()) return;
    if (this.#current) this.#write(this.#current);
    else if (this.#failure) this.#fail(this.#failure.error);
    // The end of what has grown came after its last bytes.
    else if (!this.#isReading && this.#position === this.#blocks.byteLength) this.#finish(undefined);
  }

  /** One block ahead where the sink leaves blocks with us and the reader has proved fast. */
  #mayRead(): boolean {
    if (this.#isReading || this.#next || this.#failure || this.#position === this.#blocks.byteLength) return false;
    return !this.#current || this.#wantedBytes > READ_AHEAD_BYTES;
  }

  #read(): void {
    this.#isReading = true;
    this.#isAwaiting = this.#blocks.awaitMore?.(this.#position, this.#onMore) ?? false;
    if (this.#isAwaiting) return;
    if (this.#isSmall()) this.#onTurn();
    else {
      this.#hasTurn = true;
      takeReadTurn(this.#onTurn);
    }
  }

  readonly #onMore = (): void => {
    if (!this.#isAwaiting || this.#closed) return;
    this.#isAwaiting = false;
    this.#isReading = false;
    this.#goOn();
  };

  /** A small body is read at once: nobody should wait behind a large one for it. */
  #isSmall(): boolean {
    return this.#blocks.byteLength <= GATHER_BYTES;
  }

  readonly #onTurn = (): void => {
    if (this.#closed || this.#isAsleep) return this.#endRead();
    const { byteLength, availableLength = byteLength } = this.#blocks;
    const wanted = Math.min(this.#wantedBytes, availableLength - this.#position);
    const block = leaseBlock(wanted);
    this.#reading = block;
    this.#inVain = false;
    const buffer = block.byteLength > wanted ? block.subarray(0, wanted) : block;
    let read: number | Promise<number>;
    try {
      read = this.#blocks.read(buffer, this.#position);
    } catch (error) {
      return this.#onReadFailed(error);
    }
    if (typeof read === "number") this.#onRead(read);
    else read.then(this.#onRead, this.#onReadFailed);
  };

  readonly #onRead = (bytes: number): void => {
    const block = this.#reading!;
    if (this.#closed || this.#inVain) returnBlock(block);
    else {
      this.#next = { block, from: 0, to: bytes };
      this.#position += bytes;
    }
    this.#endRead();
    this.#goOn();
  };

  readonly #onReadFailed = (error: unknown): void => {
    returnBlock(this.#reading!);
    if (!this.#inVain) this.#failure = { error };
    this.#endRead();
    this.#goOn();
  };

  #endRead(): void {
    this.#reading = undefined;
    this.#isReading = false;
    if (this.#hasTurn) endReadTurn();
    this.#hasTurn = false;
  }

  /** Offers what there is of a block; nothing is in hand. */
  #write(current: Filled): void {
    const last = this.#written + current.to - current.from === this.#blocks.byteLength;
    // The last bytes go with the end.
    const until = last ? Math.max(current.from, current.to - TOKEN_BYTES) : current.to;
    const taken = this.#sink.writeSome?.(current.block.subarray(current.from, until));
    if (this.#isClosed()) return;
    if (taken === undefined) return this.#writeBlock(current, last);
    current.from += taken;
    this.#written += taken;
    if (current.from < current.to) {
      const token = this.#copyToken(current);
      if (last && current.from === current.to) {
        this.#dropCurrent(MAX_BLOCK_BYTES);
        return this.#finish(token);
      }
      this.#hand(token, "token");
      if (this.#isClosed()) return;
    }
    if (current.from === current.to) this.#dropCurrent(MAX_BLOCK_BYTES);
    else if (this.#inHand && areBlocksScarce()) return this.#letGo();
    this.#goOn();
  }

  /** Copies the next bytes, so that the block stays ours. */
  #copyToken(current: Filled): Piece {
    this.#token ??= new Uint8Array(TOKEN_BYTES);
    const end = Math.min(current.from + TOKEN_BYTES, current.to);
    const bytes = this.#token.subarray(0, end - current.from);
    bytes.set(current.block.subarray(current.from, end));
    current.from = end;
    return pieceOf(bytes);
  }

  /** The sink gets the whole block, and has it until it is done with it. */
  #writeBlock(current: Filled, last: boolean): void {
    const piece = pieceOf(current.block.subarray(current.from, current.to));
    current.from = current.to;
    if (last) return this.#finish(piece);
    this.#hand(piece, "block");
    if (this.#closed || this.#inHand) return;
    this.#dropCurrent(this.#sink.writeSome ? READ_AHEAD_BYTES : 0);
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
    this.#wantedBytes = GATHER_BYTES;
    this.#letGo();
  }

  /** Keeps nothing but the token until the reader wakes. */
  #letGo(): void {
    this.#isAsleep = true;
    this.#giveBack();
    // What fails now fails again when it is wanted.
    this.#failure = undefined;
    this.#inVain = true;
    this.#position = this.#written;
    if (this.#isAwaiting) {
      this.#isAwaiting = false;
      this.#isReading = false;
    }
  }

  /** The block has gone, and the next one may be twice as large, up to `maxBytes`. */
  #dropCurrent(maxBytes: number): void {
    if (this.#current) returnBlock(this.#current.block);
    this.#current = undefined;
    this.#wantedBytes = Math.max(GATHER_BYTES, Math.min(this.#wantedBytes * 2, maxBytes));
  }

  /** Gives back every block but the one that is being read into. */
  #giveBack(): void {
    // What the sink has in hand it may still read from.
    const isInHand = this.#inHand === "block" || this.#inHand === "end";
    if (this.#current) (isInHand ? releaseBlock : returnBlock)(this.#current.block);
    if (this.#next) returnBlock(this.#next.block);
    this.#current = undefined;
    this.#next = undefined;
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
