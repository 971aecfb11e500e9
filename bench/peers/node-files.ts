/** Plain `node:http`, as one writes it by hand: `createReadStream().pipe(response)`. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { fileOf, hostname, port } from "./served.ts";

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = fileOf(request.url);
  const { size, mtime } = await stat(path);
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": size,
    "last-modified": mtime.toUTCString(),
  });
  const file = createReadStream(path);
  response.once("close", () => file.destroy());
  file.pipe(response);
}

createServer((request, response) => void answer(request, response)).listen(port, hostname);
