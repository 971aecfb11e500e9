import { after } from "../core/clocks.ts";
import type { Page } from "../logs/event-log.ts";
import { cacheControl, pageFields, pageResponse, tagOf } from "./answer-page.ts";
import { nextCursor } from "./cursor.ts";
import { pageLimits } from "./page-limits.ts";
import { type Begin, isChanged, readInfo, readPage } from "./read-stream.ts";
import { FIELDS } from "./stream-fields.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";
import type { StreamWatches } from "./stream-watches.ts";

/** GET `live=long-poll`: what is behind an offset, or comes within the time. */
export async function answerLongPoll(
  request: Request,
  name: string,
  wanted: Begin | "now",
  options: ResolvedStreamsOptions,
  watches: StreamWatches,
): Promise<Response> {
  const begin = wanted === "now" ? (await readInfo(name, options, true)).next : wanted;
  const page = await awaitPage(request, name, begin, options, watches);
  const headers = pageFields(page);
  const { searchParams } = new URL(request.url);
  if (!page.info.closed) headers.set(FIELDS.cursor, nextCursor(searchParams.get("cursor"), Date.now()));
  if (page.messages.length === 0) {
    // Those who wait in a cache behind one poll are answered with it, and not one after the other. Nobody misses anything: they come
    // back with another cursor, which is another address.
    headers.set("Cache-Control", page.info.config.isPublic ? "public, max-age=1" : "no-store");
    headers.delete("Content-Type");
    return new Response(null, { status: 204, headers });
  }
  headers.set("ETag", tagOf(page));
  headers.set("Cache-Control", cacheControl(page.info, "max-age=20"));
  return pageResponse(page, headers, options);
}

/** A page with something in it, or with the end; or an empty one when the time is over. */
async function awaitPage(
  request: Request,
  name: string,
  begin: Begin,
  options: ResolvedStreamsOptions,
  watches: StreamWatches,
): Promise<Page> {
  const limits = pageLimits(options.maxPageBytes);
  const waiting = new Waiting(request.signal, options.longPollTimeoutMs);
  let last: Page | undefined;
  const unwatch = watches.add(name, (known) => {
    if (!last || !known || isChanged(known, last.next, last.info.generation)) waiting.wake();
  });
  try {
    for (;;) {
      // What is the first message was decided when there was none.
      const page = await readPage(name, begin === "first" && last ? last.next : begin, options, limits);
      if (page.messages.length > 0 || page.info.closed || waiting.isOver || watches.isClosed) return page;
      last = page;
      await waiting.next();
    }
  } finally {
    unwatch();
    waiting.end();
  }
}

/** Waits for the next hint, and for the end of a time. */
class Waiting {
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #isAwake = false;
  #resolve: (() => void) | undefined;

  constructor(signal: AbortSignal, ms: number) {
    this.#signal = signal;
    this.#timer = after(ms, this.#onEnd);
    signal.addEventListener("abort", this.#onEnd);
    if (signal.aborted) this.#onEnd();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  wake(): void {
    this.#isAwake = true;
    this.#resolve?.();
  }

  async next(): Promise<void> {
    if (!this.#isAwake) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#isAwake = false;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onEnd);
  }

  readonly #onEnd = (): void => {
    this.#isOver = true;
    this.wake();
  };
}
