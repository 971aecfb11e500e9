import { createConnection, type Socket } from "node:net";
import { ResponseParser } from "./response-parser.ts";

/** Publishes events one POST at a time, never more than `window` ahead of its readers: as `native/publisher.c`. */
export class Publisher {
  window = 1;
  published = 0;
  failed = false;
  readonly latenciesMs: number[] = [];
  readonly ended: Promise<void>;
  readonly #events: number;
  readonly #request: string;
  readonly #port: number;
  #socket: Socket;
  readonly #end: () => void;
  #answer: ResponseParser | undefined;
  #delivered = 0;
  #sentAt = 0;

  constructor(port: number, path: string, events: number, eventBytes: number) {
    const head = [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, "Content-Type: text/plain"];
    this.#request = [...head, `Content-Length: ${eventBytes}`, "", "~".padEnd(eventBytes, "x")].join("\r\n");
    this.#events = events;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    this.#port = port;
    this.#socket = this.#connect();
  }

  #connect(): Socket {
    const socket = createConnection({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => this.#sendNext());
    socket.on("data", (bytes) => this.#answered(bytes));
    socket.once("error", () => this.#fail());
    socket.once("end", () => {
      if (socket === this.#socket) this.#fail();
    });
    return socket;
  }

  /** Tells how many events every reader has. */
  delivered(events: number): void {
    if (Math.floor(events) > this.#delivered) {
      this.#delivered = Math.floor(events);
      this.latenciesMs[this.#delivered - 1] = performance.now() - this.#sentAt;
    }
    this.#sendNext();
  }

  #answered(bytes: Buffer): void {
    this.#answer?.feed(bytes);
    if (this.#answer?.state === "broken" || (this.#answer?.status ?? 0) >= 300) this.#fail();
    if (this.#answer?.state === "complete") {
      // Servers limit how often a connection may be asked.
      if (!this.#answer.keepsAlive) {
        this.#socket.destroy();
        this.#socket = this.#connect();
      }
      this.#answer = undefined;
    }
    this.#sendNext();
  }

  #fail(): void {
    this.failed = true;
    this.#end();
  }

  #sendNext(): void {
    if (this.#answer !== undefined || this.#socket.connecting) return;
    if (this.#delivered >= this.#events) return this.#end();
    if (this.published === this.#events || this.published - this.#delivered >= this.window) return;
    this.#answer = new ResponseParser(false);
    this.published++;
    this.#sentAt = performance.now();
    this.#socket.write(this.#request);
  }
}
