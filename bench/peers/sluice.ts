/** Sluice, as its README shows it. */
import { randomBytes } from "node:crypto";
import { EventBroadcast, eventStreamResponse, lines, streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { chunks, endless, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const NOISE = randomBytes(64 * 1024);

const broadcast = new EventBroadcast();

/** Does not compress: a body that does would take ages to fill sockets. */
async function* endlessNoise(): AsyncGenerator<Uint8Array> {
  while (true) yield NOISE;
}

async function* generatedLines(path: string): AsyncGenerator<string | Uint8Array> {
  for await (const line of lines(path)) yield line;
}

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const count = Number(searchParams.get("count"));
  switch (pathname) {
    case "/chunks":
      return streamingResponse(chunks(count), { mediaType: "application/octet-stream" });
    case "/lines":
      return streamingResponse(lines(linesFile(count)), { mediaType: "text/plain" });
    case "/lines-generator":
      return streamingResponse(generatedLines(linesFile(count)), { mediaType: "text/plain" });
    case "/strings":
      return streamingResponse(strings(count), { mediaType: "text/plain" });
    case "/ticks":
      return streamingResponse(ticks(), { mediaType: "text/plain" });
    case "/endless":
      return streamingResponse(endless(), { mediaType: "application/octet-stream" });
    case "/endless-gzip":
      return streamingResponse(endlessNoise(), { mediaType: "text/plain", compress: true });
    case "/events":
      return eventStreamResponse(request, broadcast);
    case "/publish":
      broadcast.publish({ data: await request.text() });
      return new Response(null, { status: 204 });
    default:
      return new Response(null, { status: 404 });
  }
}

// The publisher sends all its events on one connection.
await serve(answer, { port, hostname, limits: { maxRequestsPerSocket: 0 } });
