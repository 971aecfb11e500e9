import { type PgConnection, type Submittable, ASYNCHRONOUS, MESSAGE } from "./protocol.ts";

type Listener = (chunk: Buffer) => void;

/**
 * A conversation with the backend, from what is sent to ReadyForQuery. Its bytes are read here, and not by `pg`, which would
 * make an object of each row; what may come at any time, and the end, are given on to it.
 */
export abstract class Exchange implements Submittable {
  #connection: PgConnection | undefined;
  #listeners: Listener[] = [];

  submit(connection: PgConnection): void {
    this.#connection = connection;
    const { stream } = connection;
    this.#listeners = stream.listeners("data") as Listener[];
    for (const listener of this.#listeners) stream.removeListener("data", listener);
    stream.on("data", this.onChunk);
    this.send(connection);
  }

  protected get connection(): PgConnection | undefined {
    return this.#connection;
  }

  /** Says what is wanted. */
  protected abstract send(connection: PgConnection): void;

  /** What the backend says. An arrow function: it is a listener. */
  protected abstract readonly onChunk: Listener;

  abstract handleError(error: Error): void;

  handleReadyForQuery(): void {}

  /** Gives a message on to `pg`, if it is one that is its to read. The one it waits for ends the exchange. */
  protected passOn(type: number, message: Buffer): void {
    const isEnd = type === MESSAGE.readyForQuery;
    if (isEnd) this.leave();
    if (isEnd || ASYNCHRONOUS.has(type)) for (const listener of this.#listeners) listener(Buffer.from(message));
  }

  /** Gives the connection back. */
  protected leave(): void {
    const { stream } = this.#connection!;
    stream.removeListener("data", this.onChunk);
    for (const listener of this.#listeners) stream.on("data", listener);
    stream.resume();
  }
}
