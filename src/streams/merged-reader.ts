import { type Item, Pending, type PullResult, type Puller, isPromiseLike } from "../core/puller.ts";
import { HttpError } from "../errors.ts";
import { lostFrame } from "./frames.ts";

/** Stands between the offsets of several streams in one id: no offset has it. */
export const JOINT = "~";

export interface MergedPart {
  readonly name: string;
  /** Undefined where there is nothing more to come of it; why it cannot be read, where that is still to be told. */
  readonly reader: Puller | HttpError | undefined;
  /** The id that says where its reader is. */
  readonly id: string;
}

/** Only LF ends a line: text may have other line ends of Unicode. */
const ID_LINE = /(?<=^|\n)id: (\S+)\n(event: error\ndata: \{)?/gu;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Several streams on one connection: the events of each have its name for their type, and the places in all of them, in order, for
 * their id. An error says which stream it is of; the others go on.
 */
export class MergedReader implements Puller {
  readonly #names: readonly string[];
  readonly #readers: (Puller | HttpError | undefined)[];
  readonly #ids: string[];
  /** Pulls that are under way. */
  readonly #pending = new Set<number>();
  readonly #arrived = new Map<number, PullResult>();
  #turn = 0;
  #waiting: Pending | undefined;

  constructor(parts: readonly MergedPart[]) {
    this.#names = parts.map(({ name }) => name);
    this.#readers = parts.map(({ reader }) => reader);
    this.#ids = parts.map(({ id }) => id);
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    const count = this.#readers.length;
    // Each has its turn: one that always has something must not keep the others back.
    for (let step = 0; step < count; step++) {
      const index = (this.#turn + step) % count;
      const item = this.#take(index);
      if (item === undefined) continue;
      this.#turn = (index + 1) % count;
      return item;
    }
    if (this.#pending.size === 0) return undefined;
    return (this.#waiting = new Pending());
  }

  cancel(reason: unknown): void {
    this.#waiting = undefined;
    for (const reader of this.#readers.splice(0)) if (reader && "cancel" in reader) reader.cancel(reason);
  }

  /** @returns undefined where it has nothing now */
  #take(index: number): Item | undefined {
    const arrived = this.#arrived.get(index);
    if (arrived) {
      this.#arrived.delete(index);
      return "error" in arrived ? this.#lose(index, arrived.error) : this.#give(index, arrived.item);
    }
    const reader = this.#readers[index];
    if (!reader || this.#pending.has(index)) return undefined;
    if (reader instanceof HttpError) return this.#lose(index, reader);
    let item;
    try {
      item = reader.pull();
    } catch (error) {
      return this.#lose(index, error);
    }
    if (!isPromiseLike(item)) return this.#give(index, item);
    this.#pending.add(index);
    item.then(
      (value) => this.#onArrived(index, { item: value }),
      (error: unknown) => this.#onArrived(index, { error }),
    );
    return undefined;
  }

  #onArrived(index: number, result: PullResult): void {
    this.#pending.delete(index);
    this.#arrived.set(index, result);
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    let next;
    try {
      next = this.pull();
    } catch (error) {
      return waiting.settle({ error });
    }
    if (!isPromiseLike(next)) return waiting.settle({ item: next });
    // It had nothing: the same one waits on.
    this.#waiting = waiting;
  }

  /** @throws what is no fault of the stream's own */
  #lose(index: number, error: unknown): Item | undefined {
    this.#readers[index] = undefined;
    if (error instanceof HttpError) return this.#give(index, lostFrame(this.#ids[index]!, error));
    this.cancel(error);
    throw error;
  }

  #give(index: number, item: Item | undefined): Item | undefined {
    if (item === undefined) {
      this.#readers[index] = undefined;
      return undefined;
    }
    const name = this.#names[index]!;
    const text = typeof item === "string" ? item : decoder.decode(item);
    return text.replaceAll(ID_LINE, (_lines, id: string, error: string | undefined) => {
      this.#ids[index] = id;
      const line = `id: ${this.#ids.join(JOINT)}\n`;
      return error ? `${line}${error}"stream":${JSON.stringify(name)},` : `event: ${encodeURIComponent(name)}\n${line}`;
    });
  }
}
