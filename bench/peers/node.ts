/** Plain `node:http`, as one writes it by hand: a write per yield, waiting for `drain`. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { chunks, countOf, endless, fileLines, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const readers = new Set<ServerResponse>();

async function send(response: ServerResponse, source: AsyncIterable<string | Uint8Array>): Promise<void> {
  for await (const part of source) {
    if (!response.write(part)) await once(response, "drain");
  }
  response.end();
}

function openEventStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.write(": open\n\n");
  readers.add(response);
  response.on("close", () => readers.delete(response));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const count = countOf(request.url);
  switch (request.url?.split("?")[0]) {
    case "/chunks":
      return send(response, chunks(count));
    case "/lines":
      return send(response, fileLines(linesFile(count)));
    case "/strings":
      return send(response, strings(count));
    case "/ticks":
      return send(response, ticks());
    case "/endless":
      return send(response, endless());
    case "/events":
      return openEventStream(response);
    case "/publish": {
      const frame = `data: ${await text(request)}\n\n`;
      for (const reader of readers) reader.write(frame);
      return response.end();
    }
    default:
      return response.writeHead(404).end();
  }
}

createServer((request, response) => void answer(request, response)).listen(port, hostname);
