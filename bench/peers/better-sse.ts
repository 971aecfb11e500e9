/** better-sse: sessions registered on one channel, which broadcasts. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { createChannel, createSession } from "better-sse";
import { hostname, port } from "./sources.ts";

const channel = createChannel();

async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  if (request.url === "/publish") {
    channel.broadcast(await text(request));
    return response.end();
  }
  return channel.register(await createSession(request, response));
}

createServer((request, response) => void answer(request, response)).listen(port, hostname);
