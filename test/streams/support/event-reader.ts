import { type ClientRequest, type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { createParser } from "eventsource-parser";
import { until, within } from "../../helpers/deadline.ts";

export interface Told {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: string;
}

export interface ReaderOptions {
  /** Decides after how many bytes each connection is cut; none is where it is not given. */
  cutAfter?: () => number;
  headers?: Record<string, string>;
  /** Takes so many bytes of its first connection, and then nothing until it is resumed. */
  pauseAfter?: number;
}

/**
 * Reads as a browser's `EventSource` does: with `Last-Event-ID` after a cut, until an answer is not 200. Its parser is not ours. It
 * comes back at once.
 */
export class EventReader implements Disposable {
  readonly told: Told[] = [];
  readonly comments: string[] = [];
  /** Reconnection times that it was told, in ms. */
  readonly retries: number[] = [];
  lastEventId = "";
  connections = 0;
  /** Of the last answer that had events. */
  headers: IncomingHttpHeaders = {};
  readonly #url: string;
  readonly #options: ReaderOptions;
  #request: ClientRequest | undefined;
  #isClosed = false;

  constructor(url: string, options: ReaderOptions = {}) {
    this.#url = url;
    this.#options = options;
  }

  /** Events of one type. */
  of(type: string | undefined): Told[] {
    return this.told.filter(({ event }) => event === type);
  }

  get data(): string[] {
    return this.told.map(({ data }) => data);
  }

  /** Comes back again and again; resolves with the status that told it to stop. */
  async follow(): Promise<number> {
    for (;;) {
      const { status } = await this.connect();
      if ((status !== 200 && status !== 0) || this.#isClosed) return status;
    }
  }

  /** One connection: resolves when it has ended, and says how. Status 0: it was cut before there was one. */
  connect(): Promise<{ status: number; isClean: boolean }> {
    const { cutAfter, headers, pauseAfter = Infinity } = this.#options;
    let untilPause = this.connections++ === 0 ? pauseAfter : Infinity;
    let left = cutAfter?.() ?? Infinity;
    const decoder = new TextDecoder();
    const parser = createParser({
      onId: (id) => (this.lastEventId = id),
      onEvent: ({ event, id, data }) => this.told.push({ event, id, data }),
      onComment: (comment) => this.comments.push(comment),
      onRetry: (ms) => this.retries.push(ms),
      onError(error) {
        throw error;
      },
    });
    return new Promise((resolve, reject) => {
      const fields = {
        Accept: "text/event-stream",
        ...headers,
        ...(this.lastEventId === "" ? {} : { "Last-Event-ID": this.lastEventId }),
      };
      const request = requestHttp(this.#url, { agent: false, headers: fields }, (response) => {
        const { statusCode: status = 0 } = response;
        if (status === 200) this.headers = response.headers;
        response.on("data", (chunk: Buffer) => {
          // What comes behind the cut was never seen.
          const seen = chunk.subarray(0, left);
          left -= seen.byteLength;
          if (status === 200) parser.feed(decoder.decode(seen, { stream: true }));
          if (left === 0) request.destroy();
          untilPause -= chunk.byteLength;
          if (untilPause <= 0) response.socket.pause();
        });
        response.on("error", () => {});
        response.on("close", () => resolve({ status, isClean: response.complete }));
      });
      this.#request = request;
      request.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNRESET") resolve({ status: 0, isClean: false });
        else reject(error);
      });
      request.end();
    });
  }

  /** Cuts the connection that it has. */
  cut(): void {
    this.#request?.destroy();
  }

  /** Takes nothing from the connection until {@link resume}. */
  pause(): void {
    this.#request?.socket?.pause();
  }

  resume(): void {
    this.#request?.socket?.resume();
  }

  async sees(count: number, ms?: number): Promise<void> {
    await until(() => this.told.length >= count, `${count} events at a reader (now ${this.told.length})`, ms);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.cut();
  }
}

/** Follows until the end; the status is that which said so. */
export async function readToEnd(
  url: string,
  options?: ReaderOptions,
): Promise<{ reader: EventReader; status: number }> {
  const reader = new EventReader(url, options);
  const status = await within(reader.follow(), "the end of an event stream");
  return { reader, status };
}
