/**
 * Not a peer but what public calls of Node can do: `fs.read` and `response.write` in turn on two buffers that are used again
 * and again, one being read into while the other is sent. It has no validators, no ranges and no manners.
 */
import { close, fstat, open, read } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { fileOf, hostname, port } from "./served.ts";

const BUFFER_BYTES = 512 * 1024;

const openFile = promisify(open);
const statFile = promisify(fstat);
const readFile = promisify(read);

/** Buffers nobody uses at the moment. */
const spare: Buffer[] = [];

const takeBuffer = () => spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);

async function send(fd: number, size: number, response: ServerResponse): Promise<void> {
  const lanes = Array.from({ length: size > BUFFER_BYTES ? 2 : 1 }, () => ({
    buffer: takeBuffer(),
    sent: Promise.resolve(),
  }));
  for (let at = 0, turn = 0; at < size && !response.destroyed; turn++) {
    const lane = lanes[turn % lanes.length]!;
    await lane.sent;
    const { bytesRead } = await readFile(fd, lane.buffer, 0, Math.min(BUFFER_BYTES, size - at), at);
    if (bytesRead === 0) response.destroy();
    at += bytesRead;
    // Called with an error when the reader has left.
    lane.sent = new Promise((resolve) => {
      response.write(lane.buffer.subarray(0, bytesRead), () => resolve());
    });
  }
  response.end();
  for (const lane of lanes) await lane.sent;
  spare.push(...lanes.map(({ buffer }) => buffer));
}

async function answer(path: string, response: ServerResponse): Promise<void> {
  const fd = await openFile(path, "r");
  const { size } = await statFile(fd);
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  await send(fd, size, response);
  close(fd);
}

createServer((request, response) => void answer(fileOf(request.url), response)).listen(port, hostname);
