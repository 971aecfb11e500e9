import { createConnection, type Socket } from "node:net";
import type { Deliveries } from "./deliveries.ts";
import { NUMBER_DIGITS, ResponseParser } from "./response-parser.ts";

export interface Publishing {
  port: number;
  path: string;
  /** Events a second. */
  rate: number;
  /** Connections they are sent on. */
  publishers: number;
}

interface Link {
  socket: Socket;
  /** To what was sent last. */
  answer: ResponseParser | undefined;
}

/** Publishes numbered events at a rate, whoever has received them: as `native/rated-publisher.c`. */
export class RatedPublisher {
  published = 0;
  failed = false;
  readonly startedAt: number = performance.now();
  readonly ended: Promise<void>;
  readonly #publishing: Publishing;
  readonly #deliveries: Deliveries;
  readonly #head: string;
  readonly #tail: string;
  readonly #links: Link[];
  readonly #timer: NodeJS.Timeout;
  readonly #resolve: () => void;

  constructor(publishing: Publishing, deliveries: Deliveries, eventBytes: number) {
    const { port, path, publishers } = publishing;
    const head = [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, "Content-Type: text/plain"];
    this.#head = [...head, `Content-Length: ${eventBytes}`, "", "~"].join("\r\n");
    this.#tail = "x".repeat(eventBytes - 1 - NUMBER_DIGITS);
    this.#publishing = publishing;
    this.#deliveries = deliveries;
    this.#links = Array.from({ length: publishers }, (_, index) => this.#open(index));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#timer = setInterval(() => this.#send(), 1);
  }

  /** Looks whether all is over. */
  delivered(): void {
    const { outOfOrder, complete, events } = this.#deliveries;
    if (!this.failed && outOfOrder === 0 && complete < events) return;
    clearInterval(this.#timer);
    this.#resolve();
  }

  #open(index: number): Link {
    const socket = createConnection({ port: this.#publishing.port, host: "127.0.0.1", noDelay: true });
    socket.on("data", (bytes) => this.#answered(index, bytes));
    socket.once("error", () => this.#fail());
    socket.once("end", () => {
      const link = this.#links[index];
      if (socket !== link?.socket) return;
      if (link.answer) return this.#fail();
      // A server may close a connection that has been idle for long.
      this.#links[index] = this.#open(index);
    });
    return { socket, answer: undefined };
  }

  #fail(): void {
    this.failed = true;
    this.delivered();
  }

  #answered(index: number, bytes: Buffer): void {
    const link = this.#links[index]!;
    link.answer?.feed(bytes);
    if (link.answer?.state === "broken" || (link.answer?.status ?? 0) >= 300) return this.#fail();
    if (link.answer?.state !== "complete") return;
    // Servers limit how often a connection may be asked.
    if (!link.answer.keepsAlive) {
      link.socket.destroy();
      this.#links[index] = this.#open(index);
    }
    link.answer = undefined;
    this.#send();
  }

  /** What is due, on the connections that are free. */
  #send(): void {
    while (this.published < this.#deliveries.events) {
      const dueAt = this.startedAt + (this.published * 1000) / this.#publishing.rate;
      const index = this.#links.findIndex(({ socket, answer }) => !answer && !socket.connecting);
      if (performance.now() < dueAt || index < 0) return;
      const { socket } = this.#links[index]!;
      this.#deliveries.sent(this.published, index, dueAt);
      this.#links[index]!.answer = new ResponseParser(false);
      socket.write(this.#head + String(this.published).padStart(NUMBER_DIGITS, "0") + this.#tail);
      this.published++;
    }
  }
}
