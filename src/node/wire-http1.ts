import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { writeSync, writevSync } from "node:fs";
import { FRAME_HEAD_BYTES } from "../core/budget.ts";
import type { Piece } from "../core/gather.ts";
import { breakHttp1 } from "./reset.ts";
import type { Wire, WireListener } from "./wire.ts";

/** Under TLS no write is done at once; one that is done within this time was not held up by the reader, in ms. */
const TLS_PROMPT_MS = 5;
const CR = 0x0d;
const LF = 0x0a;
const HEX = Buffer.from("0123456789abcdef", "latin1");
const CRLF = Buffer.from("\r\n", "latin1");
const NOTHING = Buffer.alloc(0);
/** Up to here a chunk is copied together with its framing: a write of one view costs less than that of three. */
const COPIED_BYTES = 1024;
const copied = Buffer.alloc(COPIED_BYTES + 16);

/**
 * HTTP/1.0 and 1.1, by writing to the socket: one system call a piece, its framing (RFC 9112 §7.1) included, and an answer
 * at once whether the kernel took it. Node's own `res` writes the head and the end.
 */
export class Http1Wire implements Wire {
  readonly #res: ServerResponse;
  listener: WireListener | undefined;
  /** Writes whose callback has not come yet, also of those that were done at once. */
  #outstanding = 0;
  #waiting = false;
  #waitingSince = 0;
  #headFlushed = false;
  /** The end comes when the bytes in flight have gone. */
  #ending = false;
  /** So many bytes of the chunk that is open are still to come (RFC 9112 §7.1): its size was sent before them. */
  #chunkLeft = 0;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  flushHead(): void {
    if (this.#headFlushed) return;
    this.#headFlushed = true;
    this.#res.flushHeaders();
  }

  write(piece: Piece): boolean {
    const { socket } = this.#res;
    if (!socket) return this.#writeQueued(piece);
    if (piece.framed && this.#headFlushed) this.#frame(socket, piece);
    else {
      socket.cork();
      this.#frame(socket, piece);
      socket.uncork();
    }
    return this.#isAtOnce(socket);
  }

  /** The bytes go to the kernel past Node's socket, which would keep those that the kernel does not take. */
  writeSome(bytes: Uint8Array): number | undefined {
    const { socket, chunkedEncoding } = this.#res;
    // Node's queue is empty, so nothing is overtaken; its idle timeout would not see these bytes go.
    if (!socket || socket.writableLength > 0 || socket.timeout) return undefined;
    const descriptor = descriptorOf(socket);
    if (descriptor === undefined) return undefined;
    if (bytes.byteLength === 0) return 0;
    try {
      return chunkedEncoding ? this.#writeSomeChunked(socket, descriptor, bytes) : writeSync(descriptor, bytes);
    } catch (error) {
      // Full is full; a connection that is gone is found so by Node, as everywhere.
      return (error as NodeJS.ErrnoException).code === "EAGAIN" ? 0 : undefined;
    }
  }

  /** A chunk of as many bytes as there are is opened, though the kernel may not take all of them: the rest must come next. */
  #writeSomeChunked(socket: Socket, descriptor: number, bytes: Uint8Array): number {
    const head = this.#chunkLeft > 0 ? NOTHING : chunkHead(bytes.byteLength);
    const left = this.#chunkLeft || bytes.byteLength;
    const part = bytes.subarray(0, left);
    const isWhole = part.byteLength === left;
    const sent =
      isWhole && part.byteLength <= COPIED_BYTES
        ? writeCopied(descriptor, head, part)
        : writevSync(descriptor, isWhole ? [head, part, CRLF] : [head, part]);
    const taken = Math.min(Math.max(0, sent - head.byteLength), part.byteLength);
    this.#chunkLeft = left - taken;
    // Of a chunk's few bytes of framing Node keeps what the kernel does not take.
    if (sent < head.byteLength) this.#send(socket, head.subarray(sent));
    const ended = sent - head.byteLength - part.byteLength;
    if (isWhole && taken === part.byteLength && ended < CRLF.byteLength) this.#send(socket, CRLF.subarray(ended));
    return taken;
  }

  end(piece: Piece | undefined, trailers: Record<string, string> | undefined): void {
    const { socket } = this.#res;
    if (trailers) this.#res.addTrailers(trailers);
    if (socket && this.#res.chunkedEncoding) {
      socket.cork();
      if (piece) this.#frame(socket, piece);
      this.#finish();
      socket.uncork();
    } else if (piece && !this.write(piece)) {
      // Without chunks Node's end says nothing to the connection: it must not come before the bytes have gone.
      this.#ending = true;
    } else this.#finish();
  }

  break(hasLength: boolean): void {
    breakHttp1(this.#res, hasLength);
  }

  /** The answer to a pipelined request: Node keeps it until those before it have ended, and tells when it has gone. */
  #writeQueued(piece: Piece): boolean {
    this.#headFlushed = true;
    this.#waiting = true;
    this.#waitingSince = performance.now();
    this.#outstanding++;
    const bytes = Buffer.concat(piece.parts);
    this.#res.write(bytes, this.#onWritten);
    return false;
  }

  #frame(socket: Socket, piece: Piece): void {
    // The head goes with the first bytes.
    this.flushHead();
    if (this.#res.chunkedEncoding) this.#writeChunk(socket, piece);
    else for (const part of piece.parts) this.#send(socket, part);
  }

  #writeChunk(socket: Socket, { parts, byteLength, framed }: Piece): void {
    if (this.#chunkLeft > 0) return this.#continueChunk(socket, parts);
    if (framed) {
      const end = FRAME_HEAD_BYTES + byteLength;
      const start = writeChunkSize(framed, byteLength);
      framed[end] = CR;
      framed[end + 1] = LF;
      this.#send(socket, Buffer.from(framed.buffer, start, end + 2 - start));
      return;
    }
    socket.write(chunkHead(byteLength));
    for (const part of parts) socket.write(part);
    this.#send(socket, CRLF);
  }

  /** What does not belong to the open chunk any more is one of its own. */
  #continueChunk(socket: Socket, parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      const inside = part.subarray(0, this.#chunkLeft);
      this.#chunkLeft -= inside.byteLength;
      if (inside.byteLength > 0) this.#send(socket, inside);
      if (inside.byteLength > 0 && this.#chunkLeft === 0) this.#send(socket, CRLF);
      const rest = part.subarray(inside.byteLength);
      if (rest.byteLength > 0)
        this.#writeChunk(socket, { parts: [rest], byteLength: rest.byteLength, framed: undefined });
    }
  }

  #send(socket: Socket, bytes: Uint8Array): void {
    this.#outstanding++;
    socket.write(bytes, this.#onWritten);
  }

  #isAtOnce(socket: Socket): boolean {
    if (socket.writableLength === 0) return true;
    this.#waiting = true;
    this.#waitingSince = performance.now();
    return false;
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (--this.#outstanding > 0 || !this.#waiting || error) return;
    this.#waiting = false;
    if (this.#ending) {
      this.#ending = false;
      return this.#finish();
    }
    const { socket } = this.#res;
    const prompt = socket && "encrypted" in socket && performance.now() - this.#waitingSince < TLS_PROMPT_MS;
    this.listener?.taken(!prompt);
  };

  #finish(): void {
    const { socket } = this.#res;
    // Told, too, when the connection breaks while the last bytes wait: its `close` says what became of them.
    this.#res.end((error?: Error | null) => {
      if (!error && !socket?.destroyed && !socket?.errored) this.listener?.taken(false);
    });
  }
}

/** @returns how many bytes of the chunk, its framing included, the kernel took */
function writeCopied(descriptor: number, head: Uint8Array, part: Uint8Array): number {
  copied.set(head);
  copied.set(part, head.byteLength);
  const end = head.byteLength + part.byteLength;
  copied[end] = CR;
  copied[end + 1] = LF;
  return writeSync(descriptor, copied, 0, end + 2);
}

function chunkHead(size: number): Buffer {
  return Buffer.from(`${size.toString(16)}\r\n`, "latin1");
}

/** Writes `size` in hexadecimal and CRLF so that they end at {@link FRAME_HEAD_BYTES}. @returns where they begin */
function writeChunkSize(buffer: Uint8Array, size: number): number {
  buffer[FRAME_HEAD_BYTES - 1] = LF;
  buffer[FRAME_HEAD_BYTES - 2] = CR;
  let at = FRAME_HEAD_BYTES - 2;
  for (let rest = size; rest > 0; rest >>>= 4) buffer[--at] = HEX[rest & 15]!;
  return at;
}

/**
 * The descriptor of a socket that is nothing but one: under TLS there is none, and one whose `write` somebody has put himself
 * before is to be written to by it.
 */
function descriptorOf(socket: Socket): number | undefined {
  if (Object.hasOwn(socket, "write") || "encrypted" in socket) return undefined;
  // oxlint-disable-next-line no-underscore-dangle -- Node gives it no other name; a test watches it
  const fd = (socket as { _handle?: { fd?: unknown } | null })._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
