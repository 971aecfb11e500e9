import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { report } from "../core/report.ts";

let warned = false;

/**
 * Breaks a connection so that its peer cannot take the end for a clean one: TCP RST instead of FIN.
 *
 * Under TLS the TCP socket beneath is reset; Node keeps it in `_parent`, the one private field used here (a test watches
 * it). A Unix socket has no reset: it is closed, and that is reported once.
 */
function resetSocket(socket: Socket & { _parent?: unknown }): void {
  // oxlint-disable-next-line no-underscore-dangle -- Node gives it no other name
  const beneath = socket._parent instanceof Socket ? socket._parent : socket;
  try {
    beneath.resetAndDestroy();
  } catch {
    if (!warned) {
      warned = true;
      report({
        code: "UNIX_SOCKET_CANNOT_RESET",
        message:
          "A body failed on HTTP/1.0 over a Unix socket, where its end cannot be told from a clean one. " +
          "Let the proxy in front speak HTTP/1.1 (nginx: proxy_http_version 1.1)",
      });
    }
  }
  if (!socket.destroyed) socket.destroy();
}

/**
 * Breaks off an answer. In chunks, or short of its Content-Length, a body that stops is visibly broken (RFC 9112 §8). Where
 * only the end of the connection ends it, the connection must be reset.
 */
export function breakHttp1(res: ServerResponse, hasLength: boolean): void {
  const { socket } = res;
  if (!socket) {
    // The answers before it on the connection are whole: it is broken when its turn comes, and what it has is written.
    res.once("socket", () => setImmediate(breakHttp1, res, hasLength));
  } else if (hasLength || res.chunkedEncoding) socket.destroy();
  else resetSocket(socket);
}
