import { Socket } from "node:net";
import type { Item } from "../../core/puller.ts";

/**
 * Writes to a pipe, and keeps some of it ahead: a reader that takes much at once and then computes finds the next there, where
 * a stream of Node's fills its buffer only when that has become empty.
 */
export class PipeWriter {
  readonly #socket: Socket;
  readonly #aheadBytes: number;
  #queue: Item[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #isEnding = false;
  #onRoom: (() => void) | undefined;

  /**
   * @param fd - becomes this writer's
   * @param aheadBytes - how much waits here at most, but for the last item
   */
  constructor(fd: number, aheadBytes: number) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#aheadBytes = aheadBytes;
    // Whoever reads says by himself that he has ended.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#queue = [];
      this.#onRoom?.();
    });
  }

  /** Nobody reads any more, or it was destroyed: nothing is taken. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Takes an item, which is not to be changed any more. Resolves when there is room for the next, or never will be. */
  write(item: Item): Promise<void> | undefined {
    if (this.isClosed) return undefined;
    this.#queue.push(item);
    this.#queuedBytes += item.length;
    this.#writeNext();
    if (this.#queuedBytes < this.#aheadBytes) return undefined;
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  /** Marks the end, behind what waits. */
  end(): void {
    this.#isEnding = true;
    this.#writeNext();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    const item = this.#queue.shift();
    if (item === undefined) {
      if (this.#isEnding) this.#socket.end();
      return;
    }
    this.#isWriting = true;
    this.#socket.write(item, () => {
      this.#isWriting = false;
      this.#queuedBytes -= item.length;
      if (this.#queuedBytes < this.#aheadBytes) this.#onRoom?.();
      this.#writeNext();
    });
  }
}
