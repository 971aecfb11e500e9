import { DurablePlace } from "./durable-place.ts";
import type { ParsedEvent } from "./event-parser.ts";
import { streamFailure, trimmed } from "./follow-error.ts";
import { NEXT_OFFSET, encodingsOf, isEventStream, noEvents } from "./judge-head.ts";
import type { FollowedEvent, Place, Target } from "./place.ts";

/** The id by which readers of single messages are told that a Durable Stream has ended badly; no event has such a one. */
const TOLD = /^\d{16}_\d{16}!$/u;

/** In an event stream as `EventSource` reads it: behind the last event's id. */
export class PlainPlace implements Place {
  readonly #url: URL;
  readonly #method: string;
  #lastId: string;
  #encodings: readonly ("base64" | undefined)[] = [];

  /** @param lastId - empty for none */
  constructor(url: URL, method: string, lastId: string) {
    this.#url = url;
    this.#method = method;
    this.#lastId = lastId;
  }

  get target(): Target {
    // A field is bytes, those of the id in UTF-8 (WHATWG HTML §9.2.3).
    const id = String.fromCharCode(...new TextEncoder().encode(this.#lastId));
    return { url: this.#url.href, method: this.#method, fields: id === "" ? {} : { "last-event-id": id } };
  }

  get lastId(): string {
    return this.#lastId;
  }

  accept(answer: Response): Place | undefined {
    if (isEventStream(answer)) {
      this.#encodings = encodingsOf(answer);
      return undefined;
    }
    const { headers } = answer;
    // A Durable Stream of a server that gives events only to those who ask for them by its protocol.
    if (this.#method !== "GET" || !headers.has(NEXT_OFFSET)) throw noEvents(answer);
    return new DurablePlace(this.#url, this.#lastId, headers.get("content-type") ?? "");
  }

  take({ data, event, id }: ParsedEvent): readonly FollowedEvent[] {
    this.#lastId = id;
    if (data === undefined) return [];
    if (event === "error" && TOLD.test(id)) {
      const { code, first } = JSON.parse(data) as { code: string; first?: string };
      throw first === undefined ? streamFailure(code) : trimmed(first);
    }
    return [{ data, id, event: event === "" ? "message" : event, encoding: this.#encodingOf(event) }];
  }

  /** Of several streams an event's type says which it is of. */
  #encodingOf(event: string): "base64" | undefined {
    const names = this.#url.searchParams.getAll("stream");
    const isMixed = this.#encodings.length > 1;
    return this.#encodings[isMixed ? names.findIndex((name) => encodeURIComponent(name) === event) : 0];
  }

  /** That is only known from the next answer. */
  hasEnded(): boolean {
    return false;
  }
}
