import { report } from "../core/report.ts";
import { HttpError, SluiceError } from "../errors.ts";
import { errorResponse } from "../http/problem.ts";
import type { StreamConfig } from "../logs/event-log.ts";
import { isDiskFull } from "../representation/spool/disk-full.ts";
import { answerEnd, answerPage } from "./answer-page.ts";
import { appendToStream, offsetAfter } from "./append-to-stream.ts";
import { applyBrowserFields, preflight } from "./browser-fields.ts";
import { createStream } from "./create-stream.ts";
import { answerDurableEvents, answerMergedEvents, answerPlainEvents, wantedByEventId } from "./event-stream.ts";
import { LiveStreams } from "./live-streams.ts";
import { answerLongPoll } from "./long-poll.ts";
import { toMessage } from "./message-bytes.ts";
import { parseOffset } from "./offset.ts";
import { type ProduceInit, Producers } from "./producers.ts";
import type { ProduceSource } from "./production.ts";
import { type Begin, readInfo } from "./read-stream.ts";
import { retain } from "./retain.ts";
import { assertFieldValue, configFields, endFields } from "./stream-fields.ts";
import { nameOf } from "./stream-name.ts";
import { type ResolvedStreamsOptions, type StreamsOptions, resolveStreamsOptions } from "./stream-options.ts";
import { StreamWatches } from "./stream-watches.ts";

const METHODS = "GET, HEAD, PUT, POST, DELETE, OPTIONS";

export interface Streams {
  /** Answers by the Durable Streams protocol, and a plain `EventSource`. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** Answers a GET or HEAD for one stream, at whatever address: hands it out in one line. Never rejects. */
  response(request: Request, name: string): Promise<Response>;
  /**
   * Appends values as messages, and makes the stream where it is not there.
   *
   * @returns the offset behind them
   * @throws HttpError 409 where it is closed, or of another type; 410 where it was deleted; SluiceTypeError `ERR_ITEM_TYPE`
   */
  append(name: string, values: readonly unknown[], init?: AppendInit): Promise<string>;
  /**
   * Runs a source that writes a stream, whoever reads it, and comes and goes. The stream is closed when it ends; as failed, with a
   * code, when it throws, or when its process dies. A DELETE or a close of the stream aborts its signal.
   *
   * @returns whether it runs: where another writes the stream, or it has ended, the source is not called
   * @throws HttpError 409 where there is such a stream of another type
   */
  produce(name: string, source: ProduceSource, init?: ProduceInit): Promise<boolean>;
  /** Answers as a DELETE: the stream is gone, and who produces it is told. Never rejects. */
  remove(name: string): Promise<Response>;
  /** Stops what is produced, and answers long polls at once. Event streams end with their server. The log stays its owner's. */
  close(): Promise<void>;
}

export interface AppendInit extends Partial<StreamConfig> {
  /**
   * What its messages are.
   * @defaultValue "application/json"
   */
  contentType?: string;
  /**
   * Closes the stream behind them.
   * @defaultValue false
   */
  close?: boolean;
  /** Closes it as failed, with this code. */
  failure?: string;
}

/**
 * Streams that are kept: messages that are appended, and read from any place, by any number of readers, while they come and after
 * it. Speaks the Durable Streams protocol.
 *
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export function createStreams(options: StreamsOptions): Streams {
  const resolved = resolveStreamsOptions(options);
  const watches = new StreamWatches(resolved.log, resolved.pollIntervalMs);
  const readers: Readers = { watches, live: new LiveStreams(resolved.log, watches) };
  const producers = new Producers(resolved.log, { retention: resolved.retention });
  const finish = async (answering: () => Promise<Response>, request?: Request): Promise<Response> => {
    let response: Response;
    try {
      response = await answering();
    } catch (error) {
      if (!(error instanceof HttpError)) {
        report({ code: "HANDLER_FAILED", message: "A stream was not answered", error });
      }
      response = errorResponse(isLogFull(error) ? new HttpError(507, "The log has no more room") : error);
    }
    return applyBrowserFields(response, resolved.cors, request);
  };
  return {
    fetch: (request) => finish(() => answer(request, resolved, readers), request),
    response: (request, name) =>
      finish(() => {
        if (request.method === "GET") return read(request, name, resolved, readers);
        if (request.method === "HEAD") return describeStream(name, resolved);
        throw new HttpError(405, "It is asked for by GET and HEAD", { headers: { Allow: "GET, HEAD" } });
      }),
    remove: (name) => finish(() => remove(name, resolved)),
    append: (name, values, init = {}) => append(resolved, name, values, init),
    produce: async (name, source, init = {}) => (await producers.begin(name, source, init)) !== undefined,
    close() {
      watches.close();
      return producers.close();
    },
  };
}

function isLogFull(error: unknown): boolean {
  return error instanceof SluiceError && error.code === "ERR_LOG" && isDiskFull(error.cause);
}

async function append(
  { log, retention }: ResolvedStreamsOptions,
  name: string,
  values: readonly unknown[],
  init: AppendInit,
): Promise<string> {
  const { contentType = "application/json", close = false, failure, ...config } = init;
  assertFieldValue("contentType", contentType);
  if (failure !== undefined) assertFieldValue("failure", failure);
  const messages = values.map((value) => toMessage(value, contentType));
  const request = { contentType, messages, close: close || failure !== undefined, failure };
  let result = await log.append(name, request);
  if (result.status === "missing") {
    await log.create(name, { config: { ...config, contentType }, messages: [], closed: false });
    result = await log.append(name, request);
  }
  await retain(log, name, retention, result);
  return offsetAfter(result);
}

/** What those have in common who wait for the same streams. */
interface Readers {
  readonly watches: StreamWatches;
  readonly live: LiveStreams;
}

async function answer(request: Request, options: ResolvedStreamsOptions, readers: Readers): Promise<Response> {
  if (request.method === "OPTIONS") return preflight(request, METHODS);
  const { pathname, searchParams } = new URL(request.url);
  const isMerged = request.method === "GET" && searchParams.has("stream") && `${pathname}/`.startsWith(options.prefix);
  if (isMerged && nameOf(pathname, options.prefix) === undefined)
    return answerMergedEvents(request, options, readers.live);
  const name = nameOf(pathname, options.prefix);
  if (name === undefined) throw new HttpError(404, `Streams are behind ${options.prefix}`);
  switch (request.method) {
    case "GET":
      return read(request, name, options, readers);
    case "HEAD":
      return describeStream(name, options);
    case "PUT":
      return createStream(request, name, options);
    case "POST":
      return appendToStream(request, name, options);
    case "DELETE":
      return remove(name, options);
    default:
      throw new HttpError(405, `A stream knows ${METHODS}`, { headers: { Allow: METHODS } });
  }
}

async function describeStream(name: string, options: ResolvedStreamsOptions): Promise<Response> {
  const info = await readInfo(name, options);
  return new Response(null, { headers: { ...configFields(info), ...endFields(info), "Cache-Control": "no-store" } });
}

function read(request: Request, name: string, options: ResolvedStreamsOptions, readers: Readers): Promise<Response> {
  const { live, watches } = readers;
  const { searchParams } = new URL(request.url);
  const mode = searchParams.get("live");
  const isPlain = mode === null && /\btext\/event-stream\b/iu.test(request.headers.get("Accept") ?? "");
  const isEvents = isPlain || mode === "sse";
  const wanted = (isEvents ? wantedByEventId(request) : undefined) ?? readOffset(searchParams);
  if (mode === null) {
    if (isPlain) return answerPlainEvents(request, name, wanted ?? "first", options, live);
    return wanted === "now" ? answerEnd(name, options) : answerPage(request, name, wanted ?? "first", options);
  }
  if (wanted === undefined) throw new HttpError(400, "A live read says from where: offset=");
  if (mode === "long-poll") return answerLongPoll(request, name, wanted, options, watches);
  if (mode === "sse") return answerDurableEvents(request, name, wanted, options, live);
  throw new HttpError(400, "live is long-poll, or sse");
}

/** @throws HttpError 400 */
function readOffset(query: URLSearchParams): Begin | "now" | undefined {
  const offsets = query.getAll("offset");
  const [offset] = offsets;
  if (offset === undefined) return undefined;
  if (offsets.length > 1) throw new HttpError(400, "offset is given once");
  if (offset === "-1") return "first";
  if (offset === "now") return "now";
  const position = parseOffset(offset);
  if (position === undefined) {
    throw new HttpError(400, `offset is -1, now, or one that an answer gave; got ${JSON.stringify(offset)}`);
  }
  return position;
}

async function remove(name: string, { log }: ResolvedStreamsOptions): Promise<Response> {
  const { status } = await log.delete(name);
  if (status === "missing") throw new HttpError(404, "There is no such stream");
  if (status === "gone") throw new HttpError(410, "The stream was deleted");
  return new Response(null, { status: 204 });
}
