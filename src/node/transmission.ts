import { createHash, type Hash } from "node:crypto";
import { ServerResponse } from "node:http";
import { readerLeft } from "../core/abort.ts";
import type { Body, OutcomeKind } from "../core/body.ts";
import type { Piece } from "../core/gather.ts";
import { EmptyAnswer } from "../core/puller.ts";
import { Pump, type Sink } from "../core/pump.ts";
import { report } from "../core/report.ts";
import { unref } from "../core/clocks.ts";
import { HttpError, SluiceError } from "../errors.ts";
import type { ContentCoding } from "../http/negotiation.ts";
import { addVary } from "../http/headers.ts";
import { errorResponse } from "../http/problem.ts";
import { Compressor } from "./compressor.ts";
import { type Head, writeHead } from "./head.ts";
import { type NodeResponse, isHttp2 } from "./http-types.ts";
import type { Wire } from "./wire.ts";
import { Http1Wire } from "./wire-http1.ts";
import { ResponseWire } from "./wire-response.ts";

/** Bodies that are known whole before their head is sent, and no larger, are not worth compressing, in bytes. */
const MIN_COMPRESS_BYTES = 1024;

export interface TransmissionOptions {
  /** The coding that the request and the body agree on, if any. */
  coding: ContentCoding | undefined;
  /** Told once, when the body has ended in whatever way. */
  onEnd(outcome: OutcomeKind, status: number, bytes: number, error: unknown): void;
}

/**
 * One body on its way to one response: decides when the head is sent and what it says, and how the body ended.
 *
 * From the pump its pieces come here, go through the compressor if there is one, and on to the wire.
 */
export class Transmission implements Sink {
  readonly #res: NodeResponse;
  readonly #head: Head;
  readonly #body: Body;
  readonly #options: TransmissionOptions;
  readonly #wire: Wire;
  readonly #pump: Pump;
  #compressor: Compressor | undefined;
  #hash: Hash | undefined;
  #commitTimer: ReturnType<typeof setTimeout> | undefined;
  #committed = false;
  #ended = false;
  #draining = false;
  #bytes = 0;
  #onceEnded: (() => void) | undefined;

  constructor(res: NodeResponse, head: Head, body: Body, options: TransmissionOptions) {
    this.#res = res;
    this.#head = head;
    this.#body = body;
    this.#options = options;
    const onTaken = (slow: boolean): void => this.#pump.taken(slow);
    this.#wire = isDirect(res) ? new Http1Wire(res, onTaken) : new ResponseWire(res, onTaken);
    this.#pump = new Pump(body.open(), this, {
      stallTimeoutMs: body.options.stallTimeoutMs,
      contentLength: body.options.contentLength,
      onEnd: () => this.#finish(this.#draining ? "drained" : "completed"),
      onError: (error) => this.#onError(error),
      onStall: () => this.#cut("stalled", new SluiceError("ERR_STALLED", "The reader took nothing for too long")),
    });
  }

  start(): void {
    const { commitAfterMs, noDelay } = this.#body.options;
    this.#res.once("close", this.#onClose);
    // An answer that waits behind others on its connection is not told when that closes.
    if (!isHttp2(this.#res) && !this.#res.socket) this.#res.req.socket.once("close", this.#onClose);
    if (noDelay && !isHttp2(this.#res)) this.#res.socket?.setNoDelay(true);
    this.#pump.start();
    if (commitAfterMs !== undefined && !this.#committed && !this.#ended && commitAfterMs !== Infinity) {
      this.#commitTimer = unref(setTimeout(this.#onCommitTimer, commitAfterMs));
    }
  }

  /** Calls `listener` when the body has ended in whatever way. */
  onceEnded(listener: () => void): void {
    this.#onceEnded = listener;
  }

  /** Asks an endless body to end; whatever has an end of its own goes on. */
  drain(): void {
    if (this.#pump.drain()) {
      this.#draining = true;
      this.#body.abort(new SluiceError("ERR_DRAINED", "The server is shutting down"));
    }
  }

  /** The grace is over. */
  cutOff(): void {
    this.#cut("drained", new SluiceError("ERR_DRAINED", "The server is shutting down"));
  }

  write(piece: Piece): boolean {
    this.#commit();
    this.#body.firstByte();
    if (!this.#compressor) return this.#send(piece);
    this.#compressor.push(piece.parts, (error, coded) => {
      if (error) return this.#onError(error);
      const codedPiece = asPiece(coded);
      if (!codedPiece || this.#send(codedPiece)) this.#pump.taken(false);
    });
    return false;
  }

  end(piece: Piece | undefined): boolean {
    if (!this.#committed) this.#commitWhole(piece?.byteLength ?? 0);
    if (piece) this.#body.firstByte();
    if (!this.#compressor) {
      this.#sendLast(piece);
      return false;
    }
    this.#compressor.end(piece?.parts ?? [], (error, coded) => {
      if (error) this.#onError(error);
      else this.#sendLast(asPiece(coded));
    });
    return false;
  }

  #send(piece: Piece): boolean {
    this.#account(piece);
    return this.#wire.write(piece);
  }

  #sendLast(piece: Piece | undefined): void {
    if (piece) this.#account(piece);
    let trailers: Record<string, string> | undefined;
    try {
      trailers = this.#trailers();
    } catch (error) {
      return this.#onError(error);
    }
    this.#wire.end(piece, trailers);
  }

  #account(piece: Piece): void {
    this.#bytes += piece.byteLength;
    if (this.#hash) for (const part of piece.parts) this.#hash.update(part);
  }

  #trailers(): Record<string, string> | undefined {
    if (!this.#mayHaveTrailers()) return undefined;
    const trailers = { ...this.#body.options.trailers?.() };
    if (this.#hash) trailers["Repr-Digest"] = `sha-256=:${this.#hash.digest("base64")}:`;
    return trailers;
  }

  #mayHaveTrailers(): boolean {
    return isHttp2(this.#res) || this.#res.chunkedEncoding;
  }

  /** Sends the head before the length of the body is known. */
  #commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    clearTimeout(this.#commitTimer);
    const { headers } = this.#head;
    if (this.#options.coding) {
      addVary(headers, "Accept-Encoding");
      this.#compressor = Compressor.create(this.#options.coding);
      if (this.#compressor) toCoded(headers, this.#options.coding);
    }
    if (this.#body.options.digest) {
      this.#hash = createHash("sha256");
      headers.append("Trailer", "Repr-Digest");
    }
    writeHead(this.#res, this.#head);
  }

  /** Sends the head of a body that is known whole. */
  #commitWhole(byteLength: number): void {
    const { trailers, digest, contentLength } = this.#body.options;
    const { headers } = this.#head;
    if (trailers || digest || contentLength !== undefined || (this.#options.coding && byteLength >= MIN_COMPRESS_BYTES)) {
      return this.#commit();
    }
    this.#committed = true;
    clearTimeout(this.#commitTimer);
    if (this.#options.coding) addVary(headers, "Accept-Encoding");
    headers.set("Content-Length", String(byteLength));
    writeHead(this.#res, this.#head);
  }

  readonly #onCommitTimer = (): void => {
    if (this.#committed || this.#ended) return;
    this.#commit();
    this.#wire.flushHead();
  };

  readonly #onClose = (): void => {
    if (this.#ended) return;
    const reason = readerLeft();
    this.#body.abort(reason);
    this.#pump.stop(reason);
    this.#finish("aborted");
  };

  #onError(error: unknown): void {
    if (this.#ended) return;
    this.#pump.stop(error);
    if (error instanceof EmptyAnswer) {
      if (this.#committed) this.#wire.end(undefined, undefined);
      else this.#answerInstead(new Response(null, { status: error.status }));
      return this.#finish("completed");
    }
    this.#body.abort(error);
    if (!(error instanceof HttpError)) {
      report({ code: "SOURCE_FAILED", message: "The source of a response failed", error });
    }
    if (this.#committed) this.#wire.break(this.#hasLength());
    else this.#answerInstead(errorResponse(error));
    this.#finish("failed", error);
  }

  #cut(outcome: OutcomeKind, reason: Error): void {
    if (this.#ended) return;
    this.#body.abort(reason);
    this.#pump.stop(reason);
    this.#commit();
    this.#wire.break(this.#hasLength());
    this.#finish(outcome);
  }

  #hasLength(): boolean {
    return this.#head.headers.has("Content-Length");
  }

  /** Nothing was sent yet: the body's place is taken by a small answer. */
  #answerInstead(response: Response): void {
    this.#committed = true;
    this.#head.status = response.status;
    void response.text().then((text) => {
      const { status, statusText, headers } = response;
      if (response.body) headers.set("Content-Length", String(Buffer.byteLength(text)));
      writeHead(this.#res, { status, statusText, headers });
      this.#res.end(text);
    });
  }

  #finish(outcome: OutcomeKind, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#commitTimer);
    this.#compressor?.close();
    this.#res.removeListener("close", this.#onClose);
    if (!isHttp2(this.#res)) this.#res.req.socket?.removeListener("close", this.#onClose);
    this.#body.finish(outcome, this.#bytes, error);
    this.#options.onEnd(outcome, this.#head.status, this.#bytes, error);
    this.#onceEnded?.();
  }
}

/** Whether the socket beneath may be written to: nobody has put himself between. */
function isDirect(res: NodeResponse): res is ServerResponse {
  return !isHttp2(res) && res.write === ServerResponse.prototype.write && res.end === ServerResponse.prototype.end;
}

/** The fields of a representation that is coded on its way (RFC 9110 §8.4): its bytes are not the same every time. */
function toCoded(headers: Headers, coding: ContentCoding): void {
  headers.set("Content-Encoding", coding);
  headers.delete("Content-Length");
  headers.delete("Accept-Ranges");
  const tag = headers.get("ETag");
  if (tag?.startsWith('"')) headers.set("ETag", `W/${tag}`);
}

function asPiece(parts: Buffer[]): Piece | undefined {
  let byteLength = 0;
  for (const part of parts) byteLength += part.byteLength;
  return byteLength === 0 ? undefined : { parts, byteLength, framed: undefined };
}
