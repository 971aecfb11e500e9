import { constants } from "node:http2";
import type { Piece } from "../core/gather.ts";
import { type NodeResponse, isHttp2 } from "./http-types.ts";
import { breakHttp1 } from "./reset.ts";
import type { Wire, WireListener } from "./wire.ts";

/**
 * Any response through its own `write` and `end`: HTTP/2, and HTTP/1 where somebody has put himself between (Express's
 * compression). Such a one may keep what it is given, so the bytes are copied.
 */
export class ResponseWire implements Wire {
  readonly #res: NodeResponse & { flush?: () => void };
  listener: WireListener | undefined;

  constructor(res: NodeResponse) {
    this.#res = res;
    res.on("drain", () => this.listener?.taken(true));
  }

  flushHead(): void {
    if ("flushHeaders" in this.#res) this.#res.flushHeaders();
  }

  write(piece: Piece): boolean {
    const taken = (this.#res as { write(bytes: Uint8Array): boolean }).write(Buffer.concat(piece.parts));
    // The habit of Express's `compression`: without it, it sends when it pleases.
    this.#res.flush?.();
    return taken;
  }

  end(piece: Piece | undefined, trailers: Record<string, string> | undefined): void {
    if (piece) this.write(piece);
    const res = this.#res;
    if (trailers) res.addTrailers(trailers);
    const { socket } = res;
    // On HTTP/2 the compatibility layer says `finish` of a response that was reset, too; on HTTP/1 Node may say it of one
    // whose connection broke while the last bytes waited.
    (isHttp2(res) ? res.stream : res).once("finish", () => {
      if (isHttp2(res) || (!socket?.destroyed && !socket?.errored)) this.listener?.taken(false);
    });
    res.end();
  }

  break(hasLength: boolean): void {
    const res = this.#res;
    if (!isHttp2(res)) return breakHttp1(res, hasLength);
    const { stream } = res;
    if (stream.destroyed) return;
    // What was written before the failure goes out first; a reader that takes nothing has no claim to it.
    const reset = (): void => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    if (stream.writableNeedDrain) reset();
    else stream.write(Buffer.alloc(0), () => setImmediate(reset));
  }
}
