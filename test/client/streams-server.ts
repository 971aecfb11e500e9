import { memoryLog } from "../../src/logs/memory-log.ts";
import type { EventLog } from "../../src/logs/event-log.ts";
import { type FetchHandler, serve } from "../../src/node/index.ts";
import { type Streams, createStreams } from "../../src/streams/create-streams.ts";
import type { StreamsOptions } from "../../src/streams/stream-options.ts";

export interface StreamsServer extends AsyncDisposable {
  readonly streams: Streams;
  readonly log: EventLog;
  /** Of the server, without a slash at the end. */
  readonly origin: string;
  /** What was asked: method, path and query. */
  readonly asked: string[];
  /** Where a stream is. */
  url(name: string): string;
}

export interface StreamsServerOptions extends Partial<StreamsOptions> {
  /** Stands before the streams: to answer otherwise, or to change the request. */
  front?: (request: Request, next: (request: Request) => Promise<Response>) => Promise<Response>;
}

/** A server of Durable Streams, on a log in memory. */
export async function startStreams({ front, ...options }: StreamsServerOptions = {}): Promise<StreamsServer> {
  const log = memoryLog();
  const streams = createStreams({ log, ...options });
  const asked: string[] = [];
  const handler: FetchHandler = (request) => {
    const { pathname, search } = new URL(request.url);
    asked.push(`${request.method} ${pathname}${search}`);
    return front ? front(request, streams.fetch) : streams.fetch(request);
  };
  const server = await serve(handler, { port: 0 });
  const origin = server.url.replace(/\/$/u, "");
  return {
    streams,
    log,
    origin,
    asked,
    url: (name) => `${origin}/v1/stream/${name}`,
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await streams.close();
      await log.close();
    },
  };
}
