import { type IncomingMessage, request as requestHttp } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { type RequestOptions, request as requestHttps } from "node:https";
import type { Readable } from "node:stream";
import { until, within } from "./deadline.ts";

/** How a client talks to a server: plain, over TLS, or over TLS with HTTP/2. */
export type WireProtocol = "http/1.1" | "https/1.1" | "h2";

export interface WireRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** An answer whose body is read as the test asks for it; what is not read fills the buffers between. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Known once the body has ended. */
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  /** The next bytes; undefined at a clean end. Rejects where the body was broken off. */
  read(): Promise<Buffer | undefined>;
  /** Reads on until so many bytes have come; returns all of them that it read. */
  readBytes(atLeast: number): Promise<Buffer>;
  /** The rest of the body. Rejects where it was broken off. */
  readAll(): Promise<Buffer>;
  /** Goes away: closes the connection, on HTTP/2 the stream. */
  leave(): void;
}

/** Sends a request on a connection of its own; resolves with the answer's head. */
export function send(
  protocol: WireProtocol,
  port: number,
  path: string,
  options: WireRequest = {},
  ms?: number,
): Promise<WireAnswer> {
  const answer = protocol === "h2" ? sendHttp2(port, path, options) : sendHttp1(protocol, port, path, options);
  return within(answer, `the head of the answer to ${options.method ?? "GET"} ${path}`, ms);
}

function sendHttp1(
  protocol: WireProtocol,
  port: number,
  path: string,
  { method = "GET", headers, body }: WireRequest,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port, path, method, headers: headers ?? {}, agent: false as const };
    const onResponse = (message: IncomingMessage): void => {
      const { statusCode = 0 } = message;
      resolve(
        toAnswer(
          message,
          statusCode,
          message.headers,
          () => message.trailers,
          () => message.socket.destroy(),
        ),
      );
    };
    const request =
      protocol === "http/1.1"
        ? requestHttp(target, onResponse)
        : requestHttps(
            { ...target, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] } as RequestOptions,
            onResponse,
          );
    request.on("error", reject);
    request.end(body);
  });
}

async function sendHttp2(
  port: number,
  path: string,
  { method = "GET", headers, body }: WireRequest,
): Promise<WireAnswer> {
  const session = await openSession(port);
  const stream = session.request({ ...headers, ":method": method, ":path": path }, { endStream: body === undefined });
  // A session serves one request here.
  stream.once("close", () => session.close());
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

/** A session for several requests at a time. */
export function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  return within(
    new Promise((resolve, reject) => {
      session.once("error", reject);
      session.once("connect", () => {
        session.on("error", () => {});
        resolve(session);
      });
    }),
    "an HTTP/2 session",
  );
}

/** The answer to a request of an HTTP/2 session. */
export function answerOf(stream: ClientHttp2Stream): Promise<WireAnswer> {
  let trailers: Record<string, string | string[] | undefined> = {};
  stream.on("trailers", (fields) => (trailers = { ...fields }));
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("The stream was closed before its answer")));
    stream.once("response", (fields) => {
      const { ":status": status = 0, ...headers } = fields;
      resolve(
        toAnswer(
          stream,
          status,
          headers,
          () => trailers,
          () => stream.close(8),
        ),
      );
    });
  });
}

function toAnswer(
  body: Readable,
  status: number,
  headers: WireAnswer["headers"],
  trailers: () => WireAnswer["trailers"],
  leave: () => void,
): WireAnswer {
  let error: Error | undefined;
  body.on("error", (thrown) => (error = thrown));
  body.on("close", () => {
    if (!body.readableEnded) error ??= new Error("The connection was closed before the end of the body");
  });
  const read = async (): Promise<Buffer | undefined> => {
    let chunk: Buffer | null = null;
    await until(() => {
      chunk = body.read() as Buffer | null;
      return chunk !== null || body.readableEnded || error !== undefined;
    }, "more of the body");
    if (chunk !== null) return chunk;
    if (error) throw error;
    return undefined;
  };
  const readWhile = async (isEnough: (byteLength: number) => boolean): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for (let byteLength = 0; !isEnough(byteLength);) {
      const chunk = await read();
      if (chunk === undefined) break;
      byteLength += chunk.byteLength;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
  return {
    status,
    headers,
    get trailers() {
      return trailers();
    },
    read,
    readBytes: (atLeast) => readWhile((byteLength) => byteLength >= atLeast),
    readAll: () => readWhile(() => false),
    leave,
  };
}
