import { essence } from "../../http/headers.ts";
import type { ParsedEvent } from "./event-parser.ts";
import { FollowError, streamFailure, trimmed } from "./follow-error.ts";
import { NEXT_OFFSET, encodingsOf, isEventStream, noEvents } from "./judge-head.ts";
import type { FollowedEvent, Place, Target } from "./place.ts";
import { splitArray } from "./split-array.ts";

/** What is said behind each batch, and where there is none (Durable Streams §SSE). */
interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly streamClosed?: boolean;
  /** Ours. */
  readonly failed?: string;
}

/** In a Durable Stream that is read with `live=sse`. */
export class DurablePlace implements Place {
  readonly #url: URL;
  #offset: string;
  #cursor: string | undefined;
  #isJson: boolean | undefined;
  #encoding: "base64" | undefined;
  /** Of a batch whose `control` has not come: without it nobody knows where it ends. */
  #batch: string[] = [];
  #isClosed = false;
  #failure: string | undefined;

  /**
   * @param offset - empty: that of the URL, or its beginning
   * @param contentType - of the stream; undefined where that is to be asked for
   */
  constructor(url: URL, offset: string, contentType?: string) {
    this.#url = new URL(url);
    this.#offset = offset || (url.searchParams.get("offset") ?? "-1");
    if (contentType !== undefined) this.#isJson = isJson(contentType);
  }

  get target(): Target {
    const url = new URL(this.#url);
    const { searchParams } = url;
    if (this.#isJson === undefined) {
      for (const name of ["live", "offset"]) searchParams.delete(name);
      return { url: url.href, method: "HEAD", fields: {} };
    }
    searchParams.set("live", "sse");
    searchParams.set("offset", this.#offset);
    if (this.#cursor !== undefined) searchParams.set("cursor", this.#cursor);
    return { url: url.href, method: "GET", fields: {} };
  }

  get lastId(): string {
    return this.#offset;
  }

  accept(answer: Response): Place | undefined {
    if (this.#isJson === undefined) {
      this.#learn(answer);
      return this;
    }
    if (!isEventStream(answer)) throw noEvents(answer);
    this.#encoding = encodingsOf(answer)[0];
    this.#batch = [];
    return undefined;
  }

  /** An event stream says neither what its messages are, nor where `now` was before something has come. */
  #learn(answer: Response): void {
    const { headers, status } = answer;
    const next = headers.get(NEXT_OFFSET);
    if (next === null) throw new FollowError("no_events", "There is no Durable Stream", { status });
    if (this.#offset === "now") this.#offset = next;
    this.#isJson = isJson(headers.get("content-type") ?? "");
  }

  take({ data, event }: ParsedEvent): readonly FollowedEvent[] {
    if (data === undefined) return [];
    if (event === "data") this.#batch.push(data);
    if (event === "control") return this.#end(parseControl(data));
    if (event === "error") throw trimmed((JSON.parse(data) as { first: string }).first);
    return [];
  }

  #end(control: Control): FollowedEvent[] {
    const before = this.#offset;
    this.#offset = control.streamNextOffset;
    this.#cursor = control.streamCursor;
    this.#isClosed = control.streamClosed === true;
    this.#failure = control.failed;
    const messages = this.#isJson ? this.#batch.flatMap((json) => splitArray(json)) : this.#batch;
    this.#batch = [];
    const encoding = this.#encoding;
    return messages.map((data, index) => {
      const id = index === messages.length - 1 ? this.#offset : before;
      return { data, id, event: "message", encoding };
    });
  }

  hasEnded(): boolean {
    if (this.#failure !== undefined) throw streamFailure(this.#failure);
    return this.#isClosed;
  }
}

function isJson(contentType: string): boolean {
  return essence(contentType) === "application/json";
}

function parseControl(data: string): Control {
  let control: Partial<Control> | null | undefined;
  try {
    control = JSON.parse(data) as Partial<Control> | null;
  } catch {
    // No better than one that says nothing.
  }
  if (typeof control?.streamNextOffset !== "string") {
    throw new FollowError("malformed", "The server does not say where a batch of messages ends");
  }
  return control as Control;
}
