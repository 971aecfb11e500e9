import { SluiceError } from "../errors.ts";
import { CHUNK_BYTES, GATHER_BYTES, READ_AHEAD_BYTES, budget } from "./budget.ts";
import { IdleTimer } from "./clocks.ts";
import { Gather, type Piece, releasePiece } from "./gather.ts";
import { type Item, Pending, type Puller, isPromiseLike } from "./puller.ts";
import type { Pump, PumpOwner, Sink } from "./sink.ts";
import { afterMicrotasks, afterTurn, currentTurn } from "./turn.ts";

/** What is pulled, in bytes, before other work of the process gets its turn; more where reading ahead was granted. */
const TURN_BYTES = GATHER_BYTES;
/** How long is pulled before other work of the process gets its turn. */
const TURN_MS = 2;
/** What a gather may keep although all else was taken: half a surrogate pair, or the last byte of a contentLength. */
const HELD_BACK = 4;
/** How many bytes a reader must have taken before it is read ahead for: more than the kernel takes for one that sleeps. */
const PROVEN_BYTES = 8 * 1024 * 1024;
/** Items from this size on gain by larger writes; smaller ones cost more in themselves than a write does. */
const READ_AHEAD_ITEM_BYTES = CHUNK_BYTES;

type State = "running" | "ending" | "closed";

/**
 * Moves a source's items to a sink: pulls while there is room, gathers, and writes when there is enough or the event loop
 * has turned. Nothing is pulled while the sink has a piece in hand.
 *
 * All state transitions are in this class: `#run` pulls, `#flush` writes, `onQuiet`, `#onTurn` and `taken` let it go on.
 */
export class ItemPump implements Pump {
  readonly #puller: Puller;
  readonly #sink: Sink;
  readonly #owner: PumpOwner;
  readonly #gather = new Gather();
  /** Made where the sink first has a piece in hand: most idle bodies never need it. */
  #stall: IdleTimer | undefined;
  #state: State = "running";
  /** A pull is pending. */
  #pulling = false;
  /** The sink has this in hand. */
  #inHand: Piece | "end" | undefined;
  /** What the sink got with the end. */
  #lastPiece: Piece | undefined;
  /** `onQuiet` is due. */
  #quietDue = false;
  /** `#onTurn` is due. */
  #turnDue = false;
  /** This turn's share is used up: `#onTurn` goes on. */
  #paused = false;
  /** The turn of the event loop that the share is counted in. */
  #turn = 0;
  #turnBytes = 0;
  /** 0 until the first pull of the turn. */
  #turnEndsAt = 0;
  /** The turn in which was last written early. */
  #earlyIn = 0;
  /** Pulls until the clock is looked at again. */
  #untilClock = 0;
  /** A write left something over: nothing is pulled until all that can go has gone. */
  #leftover = false;
  /** The length of an item that is larger than the limit, counted in the budget until it has gone. */
  #oversized = 0;
  /** Bytes that may be gathered: {@link CHUNK_BYTES}, or what was granted. */
  #limit: number = CHUNK_BYTES;
  #readAhead = false;
  /** The last piece was taken at once. */
  #fast = true;
  #written = 0;
  #lastItemBytes = 0;
  #failure: { error: unknown } | undefined;

  constructor(puller: Puller, sink: Sink, owner: PumpOwner) {
    this.#puller = puller;
    this.#sink = sink;
    this.#owner = owner;
  }

  get bytesWritten(): number {
    return this.#written;
  }

  start(): void {
    this.#run();
  }

  taken(slow: boolean): void {
    const inHand = this.#inHand;
    if (inHand === undefined || this.#state === "closed") return;
    this.#inHand = undefined;
    this.#stall?.disarm();
    this.#fast = !slow;
    if (inHand === "end") {
      if (this.#lastPiece) releasePiece(this.#lastPiece);
      this.#close();
      this.#owner.onEnd();
      return;
    }
    this.#release(inHand);
    this.#goOn();
  }

  stop(reason: unknown): void {
    if (this.#state === "closed") return;
    const running = this.#state === "running";
    this.#close();
    if (running) this.#puller.cancel(reason);
  }

  drain(): boolean {
    if (this.#state !== "running" || !this.#puller.drain) return false;
    this.#puller.drain();
    return true;
  }

  /** A call of the sink may have closed the pump; the compiler cannot know that. */
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #close(): void {
    this.#state = "closed";
    this.#stall?.clear();
    this.#gather.clear();
    // The kernel, or a compressor, may still read from the piece in hand: its buffer is left to the garbage collector.
    this.#inHand = undefined;
    this.#lastPiece = undefined;
    this.#giveBackGrants();
  }

  /** Pulls until there is enough, the turn's share is used up, or the source has nothing at hand. */
  #run(): void {
    this.#beginTurn();
    while (this.#state === "running" && !this.#pulling && this.#inHand === undefined) {
      if (this.#leftover || this.#gather.size >= this.#limit) {
        if (!this.#flush()) return;
        // What is left, of a large item or of text that needs more bytes than units, goes in the turns that follow.
        if (this.#leftover) return this.#pause();
      }
      if (this.#shareIsUsed()) return this.#pause();
      let item;
      try {
        item = this.#puller.pull();
      } catch (error) {
        return this.#isClosed() ? undefined : this.#fail(error);
      }
      if (isPromiseLike(item)) {
        this.#pulling = true;
        item.then(this.#onItem, this.#onError);
        return this.#flushWhenIdle(item);
      }
      // The source itself may have had the body stopped.
      if (this.#isClosed()) return;
      if (item === undefined) return this.#end();
      this.#add(item);
    }
  }

  readonly #onItem = (item: Item | undefined): void => {
    this.#pulling = false;
    if (this.#state !== "running") return;
    if (item === undefined) return this.#end();
    this.#add(item);
    this.#run();
  };

  readonly #onError = (error: unknown): void => {
    this.#pulling = false;
    if (this.#state === "running") this.#fail(error);
  };

  #add(item: Item): void {
    const length = typeof item === "string" ? item.length : item.byteLength;
    if (length === 0) return;
    if (this.#gather.size <= HELD_BACK) this.#setLimit();
    this.#gather.add(item);
    this.#turnBytes += length;
    this.#lastItemBytes = length;
    if (length > this.#limit) {
      this.#oversized = length;
      budget.count(length);
    }
  }

  /**
   * A pull is pending. What is gathered is written when the source has really nothing at hand: more may come by promises that
   * are settled already. A source of our own that knows that it has nothing is believed, once a turn, so that an event goes
   * out in the moment it is published.
   */
  #flushWhenIdle(pending: PromiseLike<unknown>): void {
    if (!this.#pulling || this.#gather.size === 0) return;
    if (pending instanceof Pending && this.#earlyIn !== this.#turn) {
      this.#earlyIn = this.#turn;
      if (this.#flush() && this.#leftover) this.#needTurn();
    } else if (!this.#quietDue) {
      this.#quietDue = true;
      afterMicrotasks(this);
    }
  }

  /** Called by the loop, nobody else. */
  onQuiet(): void {
    this.#quietDue = false;
    this.#flushDue();
  }

  #beginTurn(): void {
    const turn = currentTurn();
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#turnBytes = 0;
    this.#turnEndsAt = 0;
  }

  /** How much may be gathered now: decided where the first item is, given back when all of it has gone. */
  #setLimit(): void {
    if (!this.#fast) return;
    if (this.#limit === CHUNK_BYTES && budget.grant(GATHER_BYTES)) this.#limit = GATHER_BYTES;
    if (
      this.#limit === GATHER_BYTES &&
      this.#written >= PROVEN_BYTES &&
      this.#lastItemBytes >= READ_AHEAD_ITEM_BYTES &&
      budget.grantReadAhead(READ_AHEAD_BYTES)
    ) {
      this.#limit = READ_AHEAD_BYTES;
      this.#readAhead = true;
    }
  }

  #giveBackGrants(): void {
    if (this.#oversized > 0) budget.release(this.#oversized);
    this.#oversized = 0;
    if (this.#readAhead) budget.releaseReadAhead(READ_AHEAD_BYTES);
    this.#readAhead = false;
    if (this.#limit > CHUNK_BYTES) budget.release(GATHER_BYTES);
    this.#limit = CHUNK_BYTES;
  }

  #shareIsUsed(): boolean {
    if (this.#turnBytes >= Math.max(TURN_BYTES, this.#limit)) return true;
    if (this.#turnEndsAt === 0) {
      this.#turnEndsAt = performance.now() + TURN_MS;
      // One pull on, the clock says whether pulls are cheap: a body of one item ends in its first turn on any machine.
      this.#untilClock = 1;
      return false;
    }
    if (this.#untilClock-- > 0) return false;
    const now = performance.now();
    // Looking at the clock costs as much as a cheap pull: seldom while pulls are cheap, always when they are not.
    this.#untilClock = this.#turnEndsAt - now > TURN_MS * 0.75 ? 8 : 0;
    return now >= this.#turnEndsAt;
  }

  #needTurn(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    afterTurn(this.#onTurn);
  }

  #pause(): void {
    this.#paused = true;
    this.#needTurn();
  }

  readonly #onTurn = (): void => {
    this.#turnDue = false;
    this.#flushDue();
  };

  #flushDue(): void {
    if (this.#state === "closed" || this.#inHand !== undefined) return;
    if (this.#state === "running" && this.#gather.size > 0 && !this.#flush()) return;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#inHand !== undefined || this.#state === "closed") return;
    if (this.#state === "ending") return this.#finish();
    // The source makes us wait; what one write left over does not.
    if (this.#pulling && this.#leftover) return this.#needTurn();
    // A turn that is due gives the share that the pause waits for.
    if (this.#paused && this.#turnDue) return;
    this.#paused = false;
    this.#run();
  }

  /** Writes one piece. False: the sink has it in hand, or the body has failed. */
  #flush(): boolean {
    const piece = this.#take();
    this.#leftover = piece !== undefined && this.#gather.size > 0;
    if (piece === undefined) return this.#state === "running" && !this.#failure;
    this.#written += piece.byteLength;
    if (this.#sink.write(piece)) {
      this.#fast = true;
      this.#release(piece);
      return true;
    }
    if (this.#isClosed()) return false;
    this.#keepInHand(piece);
    return false;
  }

  #keepInHand(piece: Piece | "end"): void {
    this.#inHand = piece;
    this.#stall ??= new IdleTimer(this.#owner.stallTimeoutMs, () => this.#owner.onStall());
    this.#stall.arm();
  }

  #take(): Piece | undefined {
    const leaseBytes = this.#limit >= GATHER_BYTES ? GATHER_BYTES : CHUNK_BYTES;
    // A large item is there anyway: writing it in small slices would save nothing.
    const limit = this.#oversized > 0 ? Math.max(this.#limit, GATHER_BYTES) : this.#limit;
    const { contentLength } = this.#owner;
    const final = this.#state === "ending" && !this.#failure;
    if (contentLength === undefined) return this.#gather.take(limit, leaseBytes, this.#state === "ending");
    // The byte that would make the body complete is kept until the source has said that it is.
    const rest = contentLength - this.#written;
    const piece = this.#gather.take(Math.min(limit, final ? Infinity : rest - 1), leaseBytes, final);
    const left = this.#gather.size;
    if (
      final ? piece !== undefined && (piece.byteLength > rest || (piece.byteLength === rest && left > 0)) : left > rest
    ) {
      if (piece) releasePiece(piece);
      this.#failHere(
        new SluiceError(
          "ERR_CONTENT_LENGTH_EXCEEDED",
          `The source gave more than its contentLength, ${contentLength} bytes`,
        ),
      );
      return undefined;
    }
    return piece;
  }

  #release(piece: Piece): void {
    releasePiece(piece);
    if (this.#gather.size <= HELD_BACK) this.#giveBackGrants();
  }

  #end(): void {
    this.#state = "ending";
    if (this.#inHand === undefined) this.#finish();
  }

  /** Writes what is left, then the end, or the failure. One piece a turn: a large item must not hold up the others. */
  #finish(): void {
    if (this.#failure && this.#gather.size === 0) return this.#failNow();
    const piece = this.#take();
    if (this.#isClosed()) return;
    if (this.#gather.size > 0 || this.#failure) {
      if (piece === undefined) return this.#failNow();
      this.#written += piece.byteLength;
      if (this.#sink.write(piece)) {
        this.#release(piece);
        this.#pause();
      } else if (!this.#isClosed()) {
        this.#keepInHand(piece);
      }
      return;
    }
    const written = this.#written + (piece?.byteLength ?? 0);
    const { contentLength } = this.#owner;
    if (contentLength !== undefined && written < contentLength) {
      this.#failure = {
        error: new SluiceError(
          "ERR_CONTENT_LENGTH_NOT_REACHED",
          `The source gave ${written} bytes of its contentLength, ${contentLength}`,
        ),
      };
      if (piece) releasePiece(piece);
      return this.#failNow();
    }
    this.#written = written;
    const atOnce = this.#sink.end(piece);
    if (piece && atOnce) releasePiece(piece);
    if (this.#isClosed()) return;
    if (atOnce) {
      this.#close();
      this.#owner.onEnd();
    } else {
      this.#lastPiece = piece;
      this.#keepInHand("end");
    }
  }

  /** The source failed. What was gathered before is still sent: then the body breaks. */
  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#state = "ending";
    if (this.#inHand === undefined) this.#finish();
  }

  /** The body failed here, and its source does not know. */
  #failHere(error: unknown): void {
    if (this.#state === "running") this.#puller.cancel(error);
    this.#failure = { error };
    this.#gather.clear();
    this.#failNow();
  }

  #failNow(): void {
    const { error } = this.#failure ?? {
      error: new Error("unreachable: a body ended with bytes that cannot be taken"),
    };
    this.#close();
    this.#owner.onError(error);
  }
}
