import { DeferredPuller, type Item, type Puller, isPromiseLike } from "../core/puller.ts";
import {
  type IteratorOptions,
  type SourceContext,
  type ValueSource,
  discardSource,
  isValueSource,
  openSource,
  sourceTypeError,
  watchForEnd,
} from "../core/source.ts";
import { bodyStream } from "../core/web-stream.ts";
import { EncodedEvent, type EventItem, formatEvent, lastEventIdOf } from "../http/event-codec.ts";
import { EventPump } from "../http/event-pump.ts";
import { EventBroadcast } from "./event-broadcast.ts";
import {
  type ResponseOptions,
  announcedLength,
  assertMs,
  captureOrigin,
  optionError,
  resolveFields,
  resolveResponseOptions,
} from "../http/response-options.ts";

export interface EventContext extends SourceContext {
  /** Where the reader left off: `Last-Event-ID`, or `?lastEventId=`; undefined for a new one. */
  readonly lastEventId: string | undefined;
}

/** A source of events, or none: `null` tells a reader that comes back to stop. */
type EventSourceOrNull = ValueSource<EventItem> | null;

/** Events, or the function that makes them for this reader. */
export type Events =
  | ValueSource<EventItem>
  | ((context: EventContext) => EventSourceOrNull | Promise<EventSourceOrNull>);

export interface EventStreamInit extends Omit<ResponseOptions, "filename"> {
  /**
   * Silence until a comment keeps the connection open, in ms; 0 never.
   * @defaultValue 15_000
   */
  keepAliveMs?: number;
  /** The reconnection time that the reader is told at the start, in ms. */
  retryMs?: number;
}

/**
 * A stream of server-sent events (WHATWG HTML §9.2), for `GET` and `POST`. A failing source breaks the connection, so that
 * an `EventSource` comes back; a function that returns `null` (or a generator that does, before its first event) answers
 * 204, which tells it to stop.
 *
 * @param events - yields strings (`data`), {@link ServerSentEvent}s, or what `encodeEvent` made
 * @throws SluiceTypeError `ERR_SOURCE_TYPE`, `ERR_INVALID_OPTION`; an event that cannot be sent (`ERR_EVENT_FIELD`) is not
 *   written, and fails the stream
 */
export function eventStreamResponse(request: Request, events: Events, init: EventStreamInit = {}): Response {
  if (typeof events !== "function" && !isValueSource(events)) throw sourceTypeError(events);
  const {
    status,
    commitAfterMs,
    stallTimeoutMs,
    compress = false,
    onFinish,
    leakReportMs,
  } = resolveResponseOptions(init);
  const { keepAliveMs = 15_000, retryMs } = init;
  assertMs("keepAliveMs", keepAliveMs);
  if (retryMs !== undefined && (!Number.isSafeInteger(retryMs) || retryMs < 0)) {
    throw optionError("retryMs", "a number of ms, an integer ≥ 0", retryMs);
  }
  const headers = resolveFields(init, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
  });
  const lastEventId = lastEventIdOf(request);
  const origin = captureOrigin(eventStreamResponse);
  const stream = bodyStream({
    open: (context) => {
      const frames = openEvents(events, new EventStreamContext(context, lastEventId), { origin, leakReportMs });
      return new EventPump(frames, { keepAliveMs, commitAfterMs, retryMs });
    },
    discard: () => discardSource(events),
    contentLength: announcedLength(headers),
    stallTimeoutMs,
    compress,
    noDelay: true,
    onFinish,
  });
  return new Response(stream, { status, headers });
}

class EventStreamContext implements EventContext {
  readonly lastEventId: string | undefined;
  readonly #context: SourceContext;

  constructor(context: SourceContext, lastEventId: string | undefined) {
    this.#context = context;
    this.lastEventId = lastEventId;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

function openEvents(events: Events, context: EventContext, options: IteratorOptions): Puller {
  if (typeof events !== "function") return open(events, options);
  const made = events(context);
  if (!isPromiseLike(made)) return openOrNone(made, options);
  return new DeferredPuller(
    made.then((ready) => openOrNone(ready, options)),
    () => watchForEnd(options),
  );
}

/** No events at all, as a generator that returns `null` before its first one. */
const NONE: Puller = { returned: null, pull: () => undefined, cancel() {} };

function openOrNone(source: EventSourceOrNull, options: IteratorOptions): Puller {
  return source === null ? NONE : open(source, options);
}

function open(source: ValueSource<EventItem>, options: IteratorOptions): Puller {
  return source instanceof EventBroadcast ? source.openFrames() : openSource(source, encode, options);
}

function encode(item: EventItem): Item {
  return item instanceof EncodedEvent ? item.bytes : formatEvent(item);
}
