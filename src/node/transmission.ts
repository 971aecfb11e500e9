import { createHash, type Hash } from "node:crypto";
import { ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { readerLeft } from "../core/abort.ts";
import type { Body, OutcomeKind } from "../core/body.ts";
import type { Piece } from "../core/gather.ts";
import { EmptyAnswer } from "../core/puller.ts";
import { createPump } from "../core/pump.ts";
import { report } from "../core/report.ts";
import type { Pump, PumpOwner, Sink } from "../core/sink.ts";
import { after } from "../core/clocks.ts";
import { HttpError, SluiceError } from "../errors.ts";
import type { ContentCoding } from "../http/negotiation.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import { offClose, onClose } from "./closing.ts";
import { Compressor } from "../compression/compressor.ts";
import { type Head, fieldOf, headOf, writeHead } from "./head.ts";
import { type NodeRequest, type NodeResponse, isHttp2 } from "./http-types.ts";
import type { Wire } from "./wire.ts";
import { breakHttp1 } from "./reset.ts";
import { Http1Wire } from "./wire-http1.ts";
import { ResponseWire } from "./wire-response.ts";

/** Bodies that are known whole before their head is sent, and no larger, are not worth compressing, in bytes. */
const MIN_COMPRESS_BYTES = 1024;

/** How one answer ended, for logs and metrics. */
export interface SendResult {
  /** What was answered, as Node has it. */
  readonly request: NodeRequest;
  readonly method: string;
  /** The request's target as it came. */
  readonly target: string;
  /** What part was asked for: the request's `Range` field. */
  readonly range?: string | undefined;
  readonly status: number;
  readonly outcome: OutcomeKind;
  /** Bytes of the body as sent. */
  readonly bytes: number;
  readonly durationMs: number;
  /** What was thrown, where `outcome` is `failed`. */
  readonly error: unknown;
}

/** Told once for every answer. */
export type OnResult = (result: SendResult) => void;

/**
 * One body on its way to one response: decides when the head is sent and what it says, and how the body ended.
 *
 * From the pump its pieces come here, go through the compressor if there is one, and on to the wire.
 */
export class Transmission implements Sink, PumpOwner {
  readonly #res: NodeResponse;
  readonly #body: Body;
  /** The coding that the request and the body agree on, if any. */
  readonly #coding: ContentCoding | undefined;
  readonly #onResult: OnResult | undefined;
  readonly #wire: Wire;
  readonly #pump: Pump;
  readonly #startedAt = performance.now();
  /** Until it is written: ten thousand idle readers need not keep theirs. */
  #head: Head | undefined;
  #status: number;
  #hasLength = false;
  #compressor: Compressor | undefined;
  #hash: Hash | undefined;
  #commitTimer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #draining = false;
  #bytes = 0;
  #onceEnded: (() => void) | undefined;
  /** Stops listening for the client closing its half of the connection. */
  #offHalfClose: (() => void) | undefined;

  constructor(
    res: NodeResponse,
    head: Head,
    body: Body,
    coding: ContentCoding | undefined,
    onResult: OnResult | undefined,
  ) {
    this.#res = res;
    this.#head = head;
    this.#status = head.status;
    this.#body = body;
    this.#coding = coding;
    this.#onResult = onResult;
    this.#wire = isDirect(res) ? new Http1Wire(res) : new ResponseWire(res);
    this.#pump = createPump(body.open(), this, this);
    this.#wire.listener = this.#pump;
  }

  get stallTimeoutMs(): number {
    return this.#body.options.stallTimeoutMs;
  }

  get contentLength(): number | undefined {
    return this.#body.options.contentLength;
  }

  start(): void {
    const { commitAfterMs, noDelay } = this.#body.options;
    const res = this.#res;
    onClose(res, this.#onClose);
    if (noDelay && !isHttp2(res)) res.socket?.setNoDelay(true);
    this.#pump.start();
    if (commitAfterMs !== undefined && this.#head && !this.#ended) {
      this.#commitTimer = after(commitAfterMs, () => {
        if (!this.#head || this.#ended) return;
        this.#commit();
        this.#wire.flushHead();
      });
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
      if (error) return this.onError(error);
      const codedPiece = asPiece(coded);
      if (!codedPiece || this.#send(codedPiece)) this.#pump.taken(false);
    });
    return false;
  }

  writeSome(bytes: Uint8Array): number | undefined {
    if (this.#head || this.#compressor || this.#hash) return undefined;
    const taken = this.#wire.writeSome?.(bytes);
    this.#bytes += taken ?? 0;
    return taken;
  }

  end(piece: Piece | undefined): boolean {
    if (this.#head) this.#commitWhole(piece?.byteLength ?? 0);
    if (piece) this.#body.firstByte();
    if (!this.#compressor) {
      this.#sendLast(piece);
      return false;
    }
    this.#compressor.end(piece?.parts ?? [], (error, coded) => {
      if (error) this.onError(error);
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
    try {
      this.#wire.end(piece, this.#trailers());
    } catch (error) {
      // What the trailers' function throws, and trailers that cannot be sent.
      this.onError(error);
    }
  }

  #account(piece: Piece): void {
    this.#bytes += piece.byteLength;
    if (this.#hash) for (const part of piece.parts) this.#hash.update(part);
  }

  #trailers(): Record<string, string> | undefined {
    if (!this.#mayHaveTrailers()) return undefined;
    const trailers = { ...this.#body.options.trailers?.() };
    for (const [name, value] of Object.entries(trailers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    if (this.#hash) trailers["Repr-Digest"] = `sha-256=:${this.#hash.digest("base64")}:`;
    return trailers;
  }

  #mayHaveTrailers(): boolean {
    return isHttp2(this.#res) || this.#res.chunkedEncoding;
  }

  /** Sends the head before the length of the body is known. */
  #commit(): void {
    const head = this.#head;
    if (!head) return;
    const { fields } = head;
    if (this.#coding) {
      this.#compressor = Compressor.create(this.#coding);
      if (this.#compressor) toCoded(head, this.#coding);
    }
    if (this.#body.options.digest) {
      this.#hash = createHash("sha256");
      const announced = fieldOf(head, "trailer");
      fields["trailer"] = announced ? `${announced}, Repr-Digest` : "Repr-Digest";
    }
    this.#writeHead(head);
  }

  /** Sends the head of a body that is known whole. */
  #commitWhole(byteLength: number): void {
    const { trailers, digest, contentLength } = this.#body.options;
    const head = this.#head!;
    const worthCoding = this.#coding && byteLength >= MIN_COMPRESS_BYTES;
    if (trailers || digest || contentLength !== undefined || worthCoding) return this.#commit();
    head.fields["content-length"] = String(byteLength);
    this.#writeHead(head);
  }

  #writeHead(head: Head): void {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    this.#head = undefined;
    this.#status = head.status;
    this.#hasLength = "content-length" in head.fields;
    writeHead(this.#res, head);
    const res = this.#res;
    if (isHttp2(res) || this.#hasLength || res.chunkedEncoding || !res.socket) return;
    // Node ends the connection of a client that closes its half, which here would look like the end of the body.
    const { socket } = res;
    const reset = (): void => breakHttp1(res, false);
    socket.prependListener("end", reset);
    this.#offHalfClose = () => socket.removeListener("end", reset);
  }

  readonly #onClose = (): void => {
    if (this.#ended) return;
    const reason = readerLeft();
    this.#body.abort(reason);
    this.#pump.stop(reason);
    this.#finish("aborted");
  };

  onEnd(): void {
    this.#finish(this.#draining ? "drained" : "completed");
  }

  onError(error: unknown): void {
    if (this.#ended) return;
    this.#pump.stop(error);
    if (error instanceof EmptyAnswer) {
      if (this.#head) this.#answerInstead(new Response(null, { status: error.status }));
      else this.#wire.end(undefined, undefined);
      return this.#finish("completed");
    }
    this.#body.abort(error);
    if (!(error instanceof HttpError)) {
      report({ code: "SOURCE_FAILED", message: "The source of a response failed", error });
    }
    if (this.#head) this.#answerInstead(errorResponse(error));
    else this.#break();
    this.#finish("failed", error);
  }

  onStall(): void {
    this.#cut("stalled", new SluiceError("ERR_STALLED", "The reader took nothing for too long"));
  }

  #cut(outcome: OutcomeKind, reason: Error): void {
    if (this.#ended) return;
    this.#body.abort(reason);
    this.#pump.stop(reason);
    this.#commit();
    this.#break();
    this.#finish(outcome);
  }

  /** A reset under TLS closes the response at once: that it is we who broke it is known, and not that the reader left. */
  #break(): void {
    offClose(this.#res, this.#onClose);
    this.#wire.break(this.#hasLength);
  }

  /** Nothing was sent yet: the body's place is taken by a small answer. */
  #answerInstead(response: Response): void {
    let head: Head;
    try {
      head = headOf(response);
    } catch (error) {
      report({ code: "SOURCE_FAILED", message: "An HttpError has fields that cannot be sent", error });
      return this.#answerInstead(problemResponse(500));
    }
    this.#head = undefined;
    this.#status = head.status;
    void response.text().then((text) => {
      if (response.body) head.fields["content-length"] = String(Buffer.byteLength(text));
      writeHead(this.#res, head);
      this.#res.end(text);
    });
  }

  #finish(outcome: OutcomeKind, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#commitTimer);
    this.#compressor?.close();
    const res = this.#res;
    offClose(res, this.#onClose);
    this.#offHalfClose?.();
    this.#body.finish(outcome, this.#bytes, error);
    this.#onResult?.({
      request: res.req,
      method: res.req.method ?? "GET",
      target: res.req.url ?? "",
      range: res.req.headers.range,
      status: this.#status,
      outcome,
      bytes: this.#bytes,
      durationMs: performance.now() - this.#startedAt,
      error,
    });
    this.#onceEnded?.();
  }
}

/** Whether the socket beneath may be written to: nobody has put himself between. */
function isDirect(res: NodeResponse): res is ServerResponse {
  return !isHttp2(res) && res.write === ServerResponse.prototype.write && res.end === ServerResponse.prototype.end;
}

/** The fields of a representation that is coded on its way (RFC 9110 §8.4): its bytes are not the same every time. */
function toCoded(head: Head, coding: ContentCoding): void {
  head.fields["content-encoding"] = coding;
  delete head.fields["content-length"];
  delete head.fields["accept-ranges"];
  delete head.fields["repr-digest"];
  delete head.fields["content-digest"];
  const tag = fieldOf(head, "etag");
  if (tag?.startsWith('"')) head.fields["etag"] = `W/${tag}`;
}

function asPiece(parts: Buffer[]): Piece | undefined {
  let byteLength = 0;
  for (const part of parts) byteLength += part.byteLength;
  return byteLength === 0 ? undefined : { parts, byteLength, framed: undefined };
}
