import type { Piece } from "../../src/core/gather.ts";
import type { Item, Puller } from "../../src/core/puller.ts";
import { ItemPump } from "../../src/core/item-pump.ts";
import type { Pump, PumpOwner, Sink } from "../../src/core/sink.ts";
import { until } from "./deadline.ts";

/** How a sink answers a piece: it is taken at once, later as if by itself, or when the test says so. */
export type SinkMode = "at once" | "prompt" | "slow" | "by hand";

export interface Rig {
  readonly pump: Pump;
  /** What happened, in order: `pull`, `write 5`, `taken`, `end 0`, `cancel`, `onEnd`, `onError`, `onStall`. */
  readonly log: string[];
  readonly pieces: Buffer[];
  readonly bytes: Buffer;
  readonly error: unknown;
  /** The pump has called back that it is over. */
  readonly over: boolean;
  /** Lets go of the piece in hand. */
  take(slow?: boolean): void;
  untilOver(): Promise<void>;
}

interface RigOptions extends Partial<Pick<PumpOwner, "stallTimeoutMs" | "contentLength">> {
  sink?: SinkMode | (() => SinkMode);
  /** The source has a way to end early. */
  drains?: boolean;
  /** Looked at on every entry of the log. */
  onLog?: (entry: string) => void;
}

/** A pump between a source and a sink that are watched. */
export function startPump(pull: () => Item | undefined | PromiseLike<Item | undefined>, options: RigOptions = {}): Rig {
  const log: string[] = [];
  const pieces: Buffer[] = [];
  let held: Piece | "end" | undefined;
  let error: unknown;
  let over = false;
  const { sink = "at once" } = options;
  const mode = typeof sink === "string" ? () => sink : sink;
  const note = (entry: string): void => {
    log.push(entry);
    options.onLog?.(entry);
  };
  const take = (slow = false): void => {
    held = undefined;
    note("taken");
    pump.taken(slow);
  };
  const answer = (piece: Piece | "end"): boolean => {
    const how = mode();
    if (how === "at once") return true;
    held = piece;
    // The bytes of a piece in hand stay as they are until it is taken, unless the pump has been stopped.
    if (how !== "by hand") setImmediate(() => held && take(how === "slow"));
    return false;
  };
  const target: Sink = {
    write(piece) {
      pieces.push(Buffer.concat(piece.parts));
      note(`write ${piece.byteLength}`);
      return answer(piece);
    },
    end(piece) {
      if (piece) pieces.push(Buffer.concat(piece.parts));
      note(`end ${piece?.byteLength ?? 0}`);
      return answer("end");
    },
  };
  const puller: Puller = {
    pull() {
      note("pull");
      return pull();
    },
    cancel: () => note("cancel"),
    ...(options.drains ? { drain: () => note("drain") } : {}),
  };
  const pump = new ItemPump(puller, target, {
    stallTimeoutMs: options.stallTimeoutMs ?? Infinity,
    contentLength: options.contentLength,
    onEnd: () => {
      over = true;
      note("onEnd");
    },
    onError: (thrown) => {
      over = true;
      error = thrown;
      note("onError");
    },
    onStall: () => note("onStall"),
  });
  pump.start();
  return {
    pump,
    log,
    pieces,
    get bytes() {
      return Buffer.concat(pieces);
    },
    get error() {
      return error;
    },
    get over() {
      return over;
    },
    take,
    untilOver: () => until(() => over, `the end of the pump (${log.slice(-5).join(", ")})`),
  };
}

/** Pulls `items`, then the end. Every other one comes later where `later` says so. */
export function pullFrom(
  items: Iterable<Item>,
  later: (index: number) => boolean = () => false,
): () => Item | undefined | Promise<Item | undefined> {
  const iterator = items[Symbol.iterator]();
  let index = 0;
  return () => {
    const { value } = iterator.next() as { value: Item | undefined };
    if (!later(index++)) return value;
    return new Promise((resolve) => {
      if (index % 2 === 0) resolve(value);
      else setImmediate(() => resolve(value));
    });
  };
}

/** So many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve));
}
