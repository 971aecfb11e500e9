import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { connect } from "node:net";
import { within } from "../../helpers/deadline.ts";

/** A reader that keeps a pace. */
export interface PacedReader extends Disposable {
  readonly bytes: number;
  /** Ended by the other side. */
  readonly ended: boolean;
}

/** Reads from a kernel that holds what is not read yet, `bytesPerSecond` steadily, in small portions. */
export function readAtPace(port: number, request: string, bytesPerSecond: number): PacedReader {
  let bytes = 0;
  let ended = false;
  const startedAt = performance.now();
  const onRead = {
    buffer: Buffer.alloc(Math.min(16 * 1024, bytesPerSecond / 4)),
    callback(count: number): boolean {
      bytes += count;
      const aheadMs = startedAt + (bytes / bytesPerSecond) * 1000 - performance.now();
      if (aheadMs < 2) return true;
      setTimeout(() => socket.resume(), aheadMs);
      return false;
    },
  };
  // Node's types want `onread` on a Socket's constructor only.
  const socket = connect({ port, host: "127.0.0.1", onread: onRead } as never);
  socket.write(request);
  socket.on("error", () => {});
  socket.on("close", () => (ended = true));
  return {
    get bytes() {
      return bytes;
    },
    get ended() {
      return ended;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** An HTTP/2 stream of its own connection. */
export interface Http2Reader extends Disposable {
  readonly session: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
}

/** Asks for `path` on HTTP/2. Nothing is read until somebody listens to the stream's data. */
export async function requestHttp2(url: string, path: string): Promise<Http2Reader> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  session.on("error", () => {});
  await within(once(session, "connect"), "the HTTP/2 connection");
  const stream = session.request({ ":path": path });
  stream.on("error", () => {});
  return { session, stream, [Symbol.dispose]: () => session.destroy() };
}

/** As {@link readAtPace}, on HTTP/2. */
export function readHttp2AtPace({ session, stream }: Http2Reader, bytesPerSecond: number): PacedReader {
  let bytes = 0;
  let ended = false;
  const startedAt = performance.now();
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    const aheadMs = startedAt + (bytes / bytesPerSecond) * 1000 - performance.now();
    if (aheadMs < 2) return;
    stream.pause();
    setTimeout(() => stream.resume(), aheadMs);
  });
  stream.on("close", () => (ended = true));
  return {
    get bytes() {
      return bytes;
    },
    get ended() {
      return ended;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}
