import { MAX_BLOCK_BYTES } from "../../src/core/block-pool.ts";
import { BlockPump } from "../../src/core/block-pump.ts";
import type { Blocks } from "../../src/core/blocks.ts";
import type { Piece } from "../../src/core/gather.ts";
import type { Pump, Sink } from "../../src/core/sink.ts";
import { until } from "../helpers/deadline.ts";
import { turns } from "../helpers/pump-rig.ts";

/** Bytes that tell where they stand. */
export const ALL: Uint8Array<ArrayBuffer> = new Uint8Array(6 * MAX_BLOCK_BYTES).map(
  (_, index) => (index * 31 + (index >>> 8) * 7) & 0xff,
);

/** What the sink and the blocks do next, one after the other, and then all over again. */
export interface Script {
  /** Of what is offered to `writeSome`, this share is taken; `undefined`: it cannot say. */
  some: readonly (number | undefined)[];
  /** After how many turns what is written or ended with is taken; 0: at once. */
  taken: readonly number[];
  slow: readonly boolean[];
  /** After how many turns a read settles, without a number at once, and what share of the buffer it fills. */
  reads: readonly { turns?: number | undefined; share: number; ms?: number }[];
}
const EAGER: Script = { some: [1], taken: [0], slow: [false], reads: [{ turns: 0, share: 1 }] };

interface WatchedOptions {
  byteLength: number;
  script?: Partial<Script>;
  /** The read that reaches this position fails. */
  failsAt?: number | undefined;
  /** So often; without it, always. */
  failures?: number;
  stallTimeoutMs?: number;
  /** Stops at this entry of the log, from inside of it. */
  stopAt?: number | undefined;
}

/** A pump between blocks and a sink that keep to the contract, and hold the pump to it. */
export class Watched {
  readonly log: string[] = [];
  readonly pump: Pump;
  error: unknown;
  closes = 0;
  ends = 0;
  over = false;
  /** What was broken of the contract. Thrown inside of the pump, it might be lost. */
  readonly broken: string[] = [];
  readonly readPositions: number[] = [];
  #received: Buffer[] = [];
  #held: { piece: Uint8Array; copy: Buffer } | "end" | undefined;
  #reading = false;
  #failures = 0;
  readonly #steps: Record<keyof Script, number> = { some: 0, taken: 0, slow: 0, reads: 0 };
  readonly #script: Script;
  readonly #options: WatchedOptions;
  #stopped = false;

  constructor(options: WatchedOptions) {
    this.#options = options;
    this.#script = { ...EAGER, ...options.script };
    const sink: Sink = {
      write: (piece) => this.#onWrite(piece),
      end: (piece) => this.#onEnd(piece),
    };
    if (this.#script.some.length > 0) sink.writeSome = (bytes) => this.#onWriteSome(bytes);
    const { byteLength } = options;
    const blocks: Blocks = { byteLength, read: (...parameters) => this.#onRead(...parameters), close: this.#onClose };
    this.pump = new BlockPump(blocks, sink, {
      stallTimeoutMs: options.stallTimeoutMs ?? Infinity,
      onEnd: () => this.#onOver("onEnd"),
      onError: (error) => {
        this.error = error;
        this.#onOver("onError");
      },
      onStall: () => this.#note("onStall"),
    });
    this.pump.start();
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get holds(): boolean {
    return this.#held !== undefined;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** The sink lets go of what it has in hand. */
  take(slow = false): void {
    const held = this.#held;
    if (held === undefined) return;
    if (held !== "end" && !this.#stopped && !held.copy.equals(held.piece)) this.broken.push("a piece in hand changed");
    this.#held = undefined;
    this.pump.taken(slow);
  }

  untilOver(): Promise<void> {
    return until(() => this.over, `the end of the pump (${this.log.slice(-5).join(", ")})`);
  }

  #next<K extends keyof Script>(what: K): Script[K][number] {
    const list = this.#script[what];
    return list[this.#steps[what]++ % list.length]!;
  }

  #note(entry: string): void {
    if (this.over || this.#stopped) this.broken.push(`${entry} after the end`);
    this.log.push(entry);
    if (this.log.length - 1 !== this.#options.stopAt) return;
    this.#stopped = true;
    this.pump.stop("enough");
    this.pump.stop("enough");
  }

  #onOver(entry: string): void {
    this.#note(entry);
    this.over = true;
  }

  readonly #onClose = (): void => {
    this.closes++;
  };

  #offered(): void {
    if (this.#held !== undefined) this.broken.push("another piece while one is in hand");
    if (this.ends > 0) this.broken.push("a piece after the end");
  }

  #onWriteSome(bytes: Uint8Array): number | undefined {
    this.#offered();
    const share = this.#next("some");
    const taken = share === undefined ? undefined : Math.floor(bytes.byteLength * share);
    if (taken) this.#received.push(Buffer.from(bytes.subarray(0, taken)));
    this.#note(`some ${taken}`);
    return taken;
  }

  #onWrite(piece: Piece): boolean {
    this.#offered();
    if (piece.byteLength === 0) this.broken.push("an empty piece");
    this.#receive(piece);
    this.#note(`write ${piece.byteLength}`);
    return this.#answer({ piece: piece.parts[0]!, copy: Buffer.from(piece.parts[0]!) });
  }

  #onEnd(piece: Piece | undefined): boolean {
    this.#offered();
    this.ends++;
    if (piece) this.#receive(piece);
    this.#note(`end ${piece?.byteLength ?? 0}`);
    return this.#answer(piece ? { piece: piece.parts[0]!, copy: Buffer.from(piece.parts[0]!) } : "end");
  }

  #receive({ parts, byteLength }: Piece): void {
    const bytes = Buffer.concat(parts);
    if (bytes.byteLength !== byteLength) this.broken.push("a piece that is not as long as it says");
    this.#received.push(bytes);
  }

  #answer(held: { piece: Uint8Array; copy: Buffer } | "end"): boolean {
    const later = this.#next("taken");
    if (later === 0) return true;
    this.#held = held;
    if (later < Infinity) void turns(later).then(() => this.take(this.#next("slow")));
    return false;
  }

  #onRead(buffer: Uint8Array<ArrayBuffer>, position: number): number | Promise<number> {
    if (this.#reading) this.broken.push("a read while another is under way");
    if (this.closes > 0) this.broken.push("a read after the close");
    const rest = this.#options.byteLength - position;
    if (buffer.byteLength === 0 || buffer.byteLength > rest) this.broken.push(`a read of ${buffer.byteLength}/${rest}`);
    this.readPositions.push(position);
    this.#reading = true;
    const { turns: later, share, ms } = this.#next("reads");
    const bytes = Math.max(1, Math.floor(buffer.byteLength * share));
    if (later === undefined) return this.#settleRead(buffer, position, bytes);
    return turns(later)
      .then(() => (ms === undefined ? undefined : new Promise((resolve) => setTimeout(resolve, ms))))
      .then(() => this.#settleRead(buffer, position, bytes));
  }

  #settleRead(buffer: Uint8Array<ArrayBuffer>, position: number, bytes: number): number {
    this.#reading = false;
    const { failsAt = Infinity, failures = Infinity } = this.#options;
    if (position + bytes > failsAt && this.#failures++ < failures) throw new Error(`fails at ${failsAt}`);
    buffer.set(ALL.subarray(position, position + bytes));
    return bytes;
  }
}
