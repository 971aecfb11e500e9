import { GATHER_BYTES } from "../../core/budget.ts";
import { Gather, releasePiece } from "../../core/gather.ts";
import { type Item, type Puller, isPromiseLike } from "../../core/puller.ts";
import type { SpoolFile } from "./spool-file.ts";

/**
 * Writes all that a source gives, as fast as the two go. What there is is written when the source makes us wait, so that those who
 * read behind see it soon.
 *
 * @param reserve - told of bytes before they are written; what it throws ends it
 * @throws what the source does, the signal's reason, the file system's error. The source has ended, or was cancelled
 */
export async function fillSpool(
  puller: Puller,
  file: SpoolFile,
  signal: AbortSignal,
  reserve: (bytes: number) => void,
): Promise<void> {
  const source = new StoppablePuller(puller, signal);
  const gather = new Gather();
  const write = async (final: boolean): Promise<void> => {
    for (;;) {
      const piece = gather.take(GATHER_BYTES, GATHER_BYTES, final);
      if (!piece) return;
      try {
        reserve(piece.byteLength);
        for (const part of piece.parts) await file.append(part);
      } finally {
        releasePiece(piece);
      }
    }
  };
  try {
    for (;;) {
      let item = source.pull();
      if (isPromiseLike(item)) {
        await write(false);
        await file.flush();
        item = await item;
      }
      if (item === undefined) break;
      gather.add(item);
      if (gather.size >= GATHER_BYTES) await write(false);
    }
    await write(true);
    await file.flush();
  } catch (error) {
    source.cancel(error);
    throw error;
  } finally {
    gather.clear();
    source.forget();
  }
}

/** A source that ends with a signal, whether it is asked or not. */
class StoppablePuller {
  readonly #puller: Puller;
  readonly #signal: AbortSignal;
  #ended = false;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(puller: Puller, signal: AbortSignal) {
    this.#puller = puller;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    this.#signal.throwIfAborted();
    const item = this.#noted(() => this.#puller.pull());
    if (!isPromiseLike(item)) return this.#take(item);
    const arriving = new Promise<Item | undefined>((resolve, reject) => {
      this.#reject = reject;
      item.then(
        (value) => resolve(this.#take(value)),
        (error: Error) => {
          this.#ended = true;
          reject(error);
        },
      );
    });
    // It is looked at later: what was gathered is written first.
    arriving.catch(() => {});
    return arriving;
  }

  cancel(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#puller.cancel(reason);
  }

  forget(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.cancel(this.#signal.reason);
    this.#reject?.(this.#signal.reason);
  };

  #take(item: Item | undefined): Item | undefined {
    if (item === undefined) this.#ended = true;
    return item;
  }

  #noted<T>(pull: () => T): T {
    try {
      return pull();
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }
}
