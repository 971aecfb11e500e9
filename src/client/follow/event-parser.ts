import { FollowError } from "./follow-error.ts";

/** An event as it was sent. */
export interface ParsedEvent {
  /** Undefined: only an id. */
  readonly data: string | undefined;
  /** Its type; empty where none was sent. */
  readonly event: string;
  /** The last one that was sent, by whatever event; empty for none. */
  readonly id: string;
}

/** What one event may have, in UTF-16 code units. */
const MAX_EVENT_LENGTH = 64 * 1024 * 1024;
const LINE_END = /\r\n|\r|\n/gu;

/** Reads one event stream (WHATWG HTML §9.2.6). What has no blank line behind it is no event. */
export class EventParser {
  readonly #decoder = new TextDecoder();
  /** Of a line whose end has not come. */
  #rest = "";
  /** What came before has ended in CR: LF would belong to it. */
  #endsInCr = false;
  #data: string[] = [];
  #dataLength = 0;
  #event = "";
  #hasId = false;
  #id: string;
  #retryMs: number | undefined;

  /** @param lastId - of the stream that it goes on with */
  constructor(lastId: string) {
    this.#id = lastId;
  }

  /** The reconnection time, where the server has said one. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /**
   * @returns the events that are complete with it
   * @throws FollowError `too_large`
   */
  push(chunk: Uint8Array): ParsedEvent[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const events: ParsedEvent[] = [];
    let from = this.#endsInCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#endsInCr = text.endsWith("\r");
    // Only what is new is looked through: a line may come in many chunks.
    LINE_END.lastIndex = from;
    for (let match = LINE_END.exec(text); match; match = LINE_END.exec(text)) {
      const line = this.#rest + text.slice(from, match.index);
      this.#rest = "";
      from = LINE_END.lastIndex;
      if (line !== "") this.#take(line);
      else if (this.#hasId || this.#data.length > 0) events.push(this.#end());
      else this.#event = "";
    }
    this.#rest += text.slice(from);
    if (this.#rest.length + this.#dataLength > MAX_EVENT_LENGTH) {
      throw new FollowError("too_large", `An event has more than ${MAX_EVENT_LENGTH} characters`);
    }
    return events;
  }

  #take(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    switch (name) {
      case "data":
        this.#data.push(value);
        this.#dataLength += value.length + 1;
        break;
      case "event":
        this.#event = value;
        break;
      case "id":
        if (value.includes("\0")) break;
        this.#id = value;
        this.#hasId = true;
        break;
      case "retry":
        if (/^\d+$/u.test(value)) this.#retryMs = Number(value);
        break;
      default:
      // A comment, or a field that nobody knows.
    }
  }

  #end(): ParsedEvent {
    const data = this.#data.length === 0 ? undefined : this.#data.join("\n");
    const event = { data, event: this.#event, id: this.#id };
    this.#data = [];
    this.#dataLength = 0;
    this.#event = "";
    this.#hasId = false;
    return event;
  }
}
