import { bodyStream } from "../core/web-stream.ts";
import type { Item, Puller } from "../core/puller.ts";
import { HttpError } from "../errors.ts";
import { lastEventIdOf } from "../http/event-codec.ts";
import { EventPump } from "../http/event-pump.ts";
import type { Page, Position } from "../logs/event-log.ts";
import { type Framing, durableFraming, eventFraming, hasBeenTold } from "./frames.ts";
import { LiveReader, type LiveReaderOptions } from "./live-reader.ts";
import type { LiveStreams } from "./live-streams.ts";
import { JOINT, MergedReader } from "./merged-reader.ts";
import { formatOffset, parseOffset } from "./offset.ts";
import { eventPageLimits } from "./page-limits.ts";
import { type Begin, isAtEnd, readInfo, readPage } from "./read-stream.ts";
import { FIELDS } from "./stream-fields.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";
import { isText } from "./stream-type.ts";
import { TimeLimit } from "./time-limit.ts";
import { TrimmedError } from "./trimmed-error.ts";

const COMMIT_AFTER_MS = 100;

/** GET `live=sse`: the protocol's event stream. @throws HttpError 404, 410 */
export async function answerDurableEvents(
  request: Request,
  name: string,
  wanted: Begin | "now",
  options: ResolvedStreamsOptions,
  streams: LiveStreams,
): Promise<Response> {
  const first = await firstPage(name, wanted, options);
  const cursor = new URL(request.url).searchParams.get("cursor");
  return eventResponse(encodingFields([first]), options, () => {
    const reader = new LiveReader(first, readerOptions(name, durableFraming, cursor, options, streams));
    const { sseMaxAgeMs } = options;
    return sseMaxAgeMs === 0 ? reader : new TimeLimit(reader, sseMaxAgeMs);
  });
}

/**
 * GET by a plain `EventSource`, which sees nothing of an answer but its events. One that has come to the end is told to stop: 204.
 *
 * @throws HttpError 404, 410
 */
export async function answerPlainEvents(
  request: Request,
  name: string,
  wanted: Begin | "now",
  options: ResolvedStreamsOptions,
  streams: LiveStreams,
): Promise<Response> {
  const lastEventId = lastEventIdOf(request);
  if (lastEventId !== undefined && hasBeenTold(lastEventId)) return new Response(null, { status: 204 });
  let first: Page;
  try {
    first = await firstPage(name, wanted, options);
  } catch (error) {
    if (!(error instanceof TrimmedError)) throw error;
    return eventResponse({}, options, () => onlyItem(eventFraming.trimmed(error.info)));
  }
  if (isSpent(first)) return new Response(null, { status: 204 });
  return eventResponse(
    encodingFields([first]),
    options,
    () => new LiveReader(first, readerOptions(name, eventFraming, null, options, streams)),
  );
}

function onlyItem(item: Item): Puller {
  const items = [item];
  return { pull: () => items.pop(), cancel() {} };
}

/** `Last-Event-ID` wins: a reader that comes back asks at the address that he began with. @throws HttpError 400 */
export function wantedByEventId(request: Request): Position | undefined {
  const id = lastEventIdOf(request);
  if (id === undefined || hasBeenTold(id)) return undefined;
  const position = parseOffset(id);
  if (position === undefined) throw new HttpError(400, "Last-Event-ID is none of this stream's");
  return position;
}

/** The most streams of one connection. */
const MAX_STREAMS = 6;

/**
 * GET by a plain `EventSource` for several streams: `?stream=a&stream=b`. An event's type is its stream's name, percent-encoded; its id
 * is the places in all of them.
 */
export async function answerMergedEvents(
  request: Request,
  options: ResolvedStreamsOptions,
  streams: LiveStreams,
): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const names = searchParams.getAll("stream");
  if (names.length > MAX_STREAMS) throw new HttpError(400, `There are at most ${MAX_STREAMS} streams on a connection`);
  const id = lastEventIdOf(request) ?? searchParams.get("offset") ?? undefined;
  const ids = id === undefined ? names.map(() => "-1") : id.split(JOINT);
  if (ids.length !== names.length)
    throw new HttpError(400, `There are ${names.length} streams, and ${ids.length} places`);
  const pages = await Promise.all(names.map((name, index) => placeIn(name, ids[index]!, options)));
  const lost = pages.find((page) => page instanceof HttpError);
  const isAnswer = (page: Page | HttpError | undefined): boolean =>
    !(page instanceof HttpError) || page instanceof TrimmedError;
  if (lost && !pages.some(isAnswer)) throw lost;
  if (pages.every((page) => page === undefined || (!(page instanceof HttpError) && isSpent(page)))) {
    return new Response(null, { status: 204 });
  }
  const fields = encodingFields(pages.map((page) => (page instanceof HttpError ? undefined : page)));
  return eventResponse(fields, options, () => {
    const parts = names.map((name, index) => {
      const page = pages[index];
      if (page === undefined || page instanceof HttpError) return { name, reader: page, id: ids[index]! };
      const reader = new LiveReader(page, readerOptions(name, eventFraming, null, options, streams));
      return { name, reader, id: formatOffset(page.from) };
    });
    return new MergedReader(parts);
  });
}

/**
 * Says how bytes stand in `data` (Durable Streams §SSE). Of several streams, some of them binary, there is a list, in the order in which
 * they were asked for.
 *
 * @param pages - undefined for a stream of which nothing comes
 */
function encodingFields(pages: readonly (Page | undefined)[]): Record<string, string> {
  const isBinary = pages.map((page) => page && !isText(page.info.config.contentType));
  if (!isBinary.includes(true)) return {};
  const isMixed = isBinary.includes(false);
  return { [FIELDS.dataEncoding]: isMixed ? isBinary.map((is) => (is ? "base64" : "identity")).join(", ") : "base64" };
}

/** @returns undefined for a stream that its reader has been told the end of; why it cannot be read, where others may */
async function placeIn(
  name: string,
  id: string,
  options: ResolvedStreamsOptions,
): Promise<Page | HttpError | undefined> {
  if (hasBeenTold(id)) return undefined;
  const position = id === "-1" ? "first" : id === "now" ? "now" : parseOffset(id);
  if (position === undefined) throw new HttpError(400, `${JSON.stringify(id)} is no place in a stream`);
  try {
    return await firstPage(name, position, options);
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
}

function readerOptions(
  name: string,
  framing: Framing,
  cursor: string | null,
  { log, maxPageBytes }: ResolvedStreamsOptions,
  streams: LiveStreams,
): LiveReaderOptions {
  return { log, name, framing, live: () => streams.get(name, framing), limits: eventPageLimits(maxPageBytes), cursor };
}

function eventResponse(
  fields: Record<string, string>,
  { keepAliveMs, stallTimeoutMs }: ResolvedStreamsOptions,
  open: () => Puller,
): Response {
  const headers = new Headers({
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    ...fields,
  });
  const stream = bodyStream({
    open: () => new EventPump(open(), { keepAliveMs, commitAfterMs: COMMIT_AFTER_MS, retryMs: undefined }),
    contentLength: undefined,
    stallTimeoutMs,
    compress: false,
    noDelay: true,
  });
  return new Response(stream, { headers });
}

async function firstPage(name: string, wanted: Begin | "now", options: ResolvedStreamsOptions): Promise<Page> {
  if (wanted !== "now") return readPage(name, wanted, options, eventPageLimits(options.maxPageBytes));
  const info = await readInfo(name, options, true);
  return { info, messages: [], from: info.next, next: info.next };
}

/** Nothing more will come, and nothing is to be told. */
function isSpent(page: Page): boolean {
  return page.messages.length === 0 && isAtEnd(page) && page.info.closed && page.info.failure === undefined;
}
