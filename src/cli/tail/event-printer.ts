import { once } from "node:events";
import type { Writable } from "node:stream";

/** What is gathered until it is written, in characters or bytes: as much as a pipe takes. */
const MAX_GATHERED = 64 * 1024;

/** Prints events. Small ones are gathered until the event loop turns: many come at once. */
export class EventPrinter {
  readonly #output: Writable;
  readonly #gathered: (string | Uint8Array)[] = [];
  #length = 0;
  #gatheredId = "";
  #lastId = "";
  #turn: NodeJS.Immediate | undefined;

  constructor(output: Writable) {
    this.#output = output;
  }

  /** Of the last event that has left this process; empty for none. */
  get lastId(): string {
    return this.#lastId;
  }

  /** @returns where the output takes no more: settles when it does */
  print(text: string | Uint8Array, id: string): Promise<unknown> | undefined {
    this.#gathered.push(text);
    this.#length += text.length;
    this.#gatheredId = id;
    if (this.#length < MAX_GATHERED) {
      this.#turn ??= setImmediate(() => this.#write());
      return this.#output.writableNeedDrain ? once(this.#output, "drain") : undefined;
    }
    return this.#write() ? undefined : once(this.#output, "drain");
  }

  /** Resolves when all has left this process. */
  async flush(): Promise<void> {
    this.#write();
    await new Promise<void>((resolve, reject) => {
      this.#output.write("", (error) => (error ? reject(error) : resolve()));
    });
  }

  #write(): boolean {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    if (this.#gathered.length === 0) return true;
    const bytes = Buffer.concat(this.#gathered.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
    const id = this.#gatheredId;
    this.#gathered.length = 0;
    this.#length = 0;
    return this.#output.write(bytes, (error) => {
      if (!error) this.#lastId = id;
    });
  }
}
