import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import type { RunningServer } from "sluice/node";
import { connect as connectTls } from "node:tls";
import { Connection, get } from "./connection.ts";
import { within } from "./deadline.ts";

/** A reader that has asked, and will leave. */
export interface Leaver extends Disposable {
  readonly headSeen: () => boolean;
  readonly bytesSeen: () => number;
  readonly leave: () => void;
}

/** @param reads - else nothing is taken from the connection; then the kernel makes a FIN with bytes unread an RST */
export async function leaveHttp1(port: number, how: "RST" | "FIN", reads: boolean): Promise<Leaver> {
  const connection = await Connection.open(port, get("/"), { paused: !reads });
  const bodyStart = (): number => connection.bytes.indexOf("\r\n\r\n") + 4;
  return {
    headSeen: () => bodyStart() > 3,
    bytesSeen: () => connection.count - bodyStart(),
    leave: () => (how === "RST" ? connection.reset() : connection.close()),
    [Symbol.dispose]: () => connection.close(),
  };
}

export async function leaveHttp2(
  server: RunningServer,
  how: "RST_STREAM" | "FIN" | "RST",
  reads: boolean,
): Promise<Leaver> {
  const tcp = connect(server.port, "127.0.0.1");
  const tls = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  for (const socket of [tcp, tls]) socket.on("error", () => {});
  const session = connectHttp2(server.url, { createConnection: () => tls });
  session.on("error", () => {});
  await within(once(session, "connect"), "the HTTP/2 connection");
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  let headSeen = false;
  let bytesSeen = 0;
  stream.once("response", () => (headSeen = true));
  if (reads) stream.on("data", (chunk: Buffer) => (bytesSeen += chunk.length));
  return {
    headSeen: () => headSeen,
    bytesSeen: () => bytesSeen,
    leave: () => {
      if (how === "RST_STREAM") stream.close(constants.NGHTTP2_CANCEL);
      else if (how === "RST") tcp.resetAndDestroy();
      else tcp.destroy();
    },
    [Symbol.dispose]: () => {
      session.destroy();
      tcp.destroy();
    },
  };
}
