import { type Server, type ServerResponse, createServer } from "node:http";
import { type Http2SecureServer, type Http2Session, type SecureServerOptions, createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { budget } from "../core/budget.ts";
import { after } from "../core/clocks.ts";
import { type FetchHandler, type NodeRequest, type NodeResponse, isHttp2 } from "./http-types.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { toNodeListener } from "./listener.ts";
import type { SendOptions } from "./send.ts";
import type { Transmission } from "./transmission.ts";

export interface ServeOptions extends SendOptions {
  /**
   * 0 takes a free one.
   * @defaultValue 8000
   */
  port?: number;
  /** @defaultValue "127.0.0.1" */
  hostname?: string;
  /** A Unix socket's path, instead of port and hostname. */
  path?: string;
  /** Certificate and key: HTTPS, with HTTP/2 where the client wants it, else HTTP/1.1. */
  tls?: Pick<SecureServerOptions, "key" | "cert" | "pfx" | "passphrase" | "ca" | "minVersion">;
  limits?: Limits;
  /**
   * The memory of all bodies in the process beyond one chunk of 16 KiB each, in bytes.
   * @defaultValue 67_108_864
   */
  maxBufferedBytes?: number;
}

export interface CloseOptions {
  /**
   * How long bodies with an end of their own may take to reach it, in ms; then they are cut.
   * @defaultValue 10_000
   */
  graceMs?: number;
}

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  readonly server: Server | Http2SecureServer;
  readonly port: number;
  /** As clients write it, without a slash at the end. */
  readonly url: string;
  /** Bodies being sent. */
  readonly active: number;
  /**
   * Drains: accepts no more, tells event streams to end (their readers to come back later), lets other bodies end within
   * the grace, and cuts what is left. Resolves when all connections are closed; called again, it waits for the same.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Cuts everything now. */
  destroy(): Promise<void>;
}

/**
 * Serves a fetch handler.
 *
 * @throws SluiceTypeError `ERR_INVALID_OPTION`; what `listen` throws (`EADDRINUSE`, `EACCES`)
 */
export async function serve(handler: FetchHandler, options: ServeOptions = {}): Promise<RunningServer> {
  const { port = 8000, hostname = "127.0.0.1", path, tls, maxBufferedBytes } = options;
  if (maxBufferedBytes !== undefined) budget.maxBytes = maxBufferedBytes;
  const limits = resolveLimits(options.limits);
  const drain = new Drain();
  const listener = toNodeListener(handler, drain.watch(options));
  const onRequest = (req: NodeRequest, res: NodeResponse): void => {
    if (!isHttp2(res)) {
      drain.inUse(res);
      // Node announces the end of a connection that has reached its limit, and leaves it to the client.
      const { maxRequestsOnConnectionReached } = res as { maxRequestsOnConnectionReached?: boolean };
      if (drain.started || maxRequestsOnConnectionReached) res.shouldKeepAlive = false;
    }
    listener(req, res);
  };
  const serverOptions = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // Requests that are late are looked for this often, in ms.
    connectionsCheckingInterval: Math.max(100, Math.min(5_000, limits.headersTimeoutMs / 2)),
  };
  const server: Server | Http2SecureServer = tls
    ? createSecureServer({ ...serverOptions, ...tls, allowHTTP1: true }, onRequest as never)
    : createServer(serverOptions, onRequest);
  server.maxConnections = limits.maxConnections;
  // The HTTP/1 connections of a TLS server keep it too, though its class does not say so.
  (server as Server).maxRequestsPerSocket = limits.maxRequestsPerSocket;
  drain.attach(server);
  await listen(server, path === undefined ? { port, host: hostname } : { path });
  const address = server.address() as AddressInfo | string;
  const boundPort = typeof address === "string" ? 0 : address.port;
  return {
    server,
    port: boundPort,
    url: `${tls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${boundPort}`,
    get active() {
      return drain.active;
    },
    close: ({ graceMs = 10_000 } = {}) => drain.close(graceMs),
    destroy: () => drain.close(0),
    [Symbol.asyncDispose]: () => drain.close(0),
  };
}

/** Knows what is being sent, and brings it to an end. */
class Drain {
  readonly #transmissions = new Set<Transmission>();
  readonly #sessions = new Set<Http2Session>();
  /** Connections, where Node's server does not keep a list of its own. */
  readonly #sockets = new Set<Socket>();
  /** Those that have not asked for anything yet, as browsers open them: for Node they are not idle. */
  readonly #unused = new Set<Socket>();
  #server: Server | Http2SecureServer | undefined;
  #closed: Promise<void> | undefined;
  #cut: (() => void) | undefined;

  get started(): boolean {
    return this.#closed !== undefined;
  }

  get active(): number {
    return this.#transmissions.size;
  }

  attach(server: Server | Http2SecureServer): void {
    this.#server = server;
    server.on("session", (session: Http2Session) => {
      if (this.started) session.close();
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    server.on("closeAllConnections" in server ? "connection" : "secureConnection", (socket: Socket) => {
      if ("alpnProtocol" in socket && socket.alpnProtocol === "h2") return;
      // Its handshake has ended too late.
      if (this.started) return void socket.destroy();
      this.#unused.add(socket);
      socket.once("close", () => this.#unused.delete(socket));
    });
    if ("closeAllConnections" in server) return;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** A request has come on its connection. */
  inUse({ socket }: ServerResponse): void {
    if (socket) this.#unused.delete(socket);
  }

  /** The options, with our eyes on every transmission. */
  watch(options: SendOptions): SendOptions {
    return {
      ...options,
      onResult: (result) => {
        options.onResult?.(result);
        if (this.started) this.#closeIdle();
      },
      onTransmission: (transmission) => {
        this.#transmissions.add(transmission);
        transmission.onceEnded(() => this.#transmissions.delete(transmission));
        if (this.started) transmission.drain();
      },
    };
  }

  close(graceMs: number): Promise<void> {
    if (this.#closed) {
      if (graceMs === 0) this.#cut?.();
      return this.#closed;
    }
    const server = this.#server!;
    this.#closed = new Promise((resolve) => {
      const timer = after(graceMs, () => this.#cut!());
      this.#cut = () => {
        clearTimeout(timer);
        for (const transmission of this.#transmissions) transmission.cutOff();
        // A session that is destroyed waits for its client to end the connection, and so may an answer.
        for (const session of this.#sessions) session.destroy();
        for (const socket of this.#sockets) socket.destroy();
        if ("closeAllConnections" in server) server.closeAllConnections();
      };
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    for (const transmission of this.#transmissions) transmission.drain();
    for (const session of this.#sessions) session.close();
    for (const socket of this.#unused) socket.destroy();
    this.#closeIdle();
    if (graceMs === 0) this.#cut!();
    return this.#closed;
  }

  /** A connection that has nothing more to answer would be kept for the client's next request. */
  #closeIdle(): void {
    const server = this.#server!;
    // Node counts a connection as idle when its answer has been finished, which is after its `finish` event.
    setImmediate(() => {
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    });
  }
}

function listen(
  server: Server | Http2SecureServer,
  where: { port: number; host: string } | { path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}
