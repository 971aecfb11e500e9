import { type RequestListener, type Server, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import { selfSigned } from "./certificate.ts";

/** A server that a test can talk to. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts `listener` on plain HTTP/1, on a free port of 127.0.0.1. */
export function startHttp(listener: RequestListener): Promise<TestServer> {
  return startServer(createServer(listener));
}

/** Starts `listener` on TLS with HTTP/1.1. */
export function startHttps(listener: RequestListener): Promise<TestServer> {
  return startServer(createTlsServer(selfSigned(), listener), "https");
}

/** Makes any server of Node's listen. Closing it cuts its connections. */
async function startServer(server: NetServer | Server, scheme: "http" | "https" = "http"): Promise<TestServer> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return toTestServer(port, scheme, () => closeServer(server));
}

/** A server that was started some other way. */
export function toTestServer(port: number, scheme: "http" | "https", close: () => Promise<unknown>): TestServer {
  let closed: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closed ??= Promise.resolve(close()).then(() => {}));
  return { port, url: `${scheme}://127.0.0.1:${port}`, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}

/** Closes a server and cuts what is still connected. */
export function closeServer(server: NetServer | Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
