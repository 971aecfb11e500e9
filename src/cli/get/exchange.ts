import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Answer, Exchange } from "../../client/destination.ts";
import { DownloadError, InterruptedError } from "../../client/download-error.ts";
import { type Hop, firstHop, nextHop } from "../../client/redirect.ts";
import { IdleTimer } from "../../core/clocks.ts";
import { ResponseBody } from "./response-body.ts";

export interface ExchangeOptions {
  /** May hold credentials. */
  readonly url: URL;
  /** Beside those that a download needs. */
  readonly fields: Headers;
  /** How long a connection may take, TLS included. */
  readonly connectTimeoutMs: number;
  /** How long the server may say nothing. */
  readonly stallTimeoutMs: number;
}

interface Sent {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

/** Errors of a server that is not what it should be: they stay. Names of OpenSSL's, and Node's own. */
const LASTING_CODES = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|^ERR_(?:SSL|TLS|INVALID)|^HPE_/u;

/**
 * Sends requests by Node's own HTTP: unlike `fetch` it decodes nothing, tells a body that broke off from one that ended,
 * and lets every wait have its limit.
 */
export function createExchange(options: ExchangeOptions): Exchange {
  let hasAnswered = false;
  return async (fields, signal) => {
    let hop: Hop | undefined = firstHop(options.url, {
      "user-agent": "sluice",
      accept: "*/*",
      ...toRecord(options.fields),
      ...fields,
    });
    for (;;) {
      let sent: Sent;
      try {
        sent = await send(hop, options, signal);
      } catch (error) {
        throw explain(error as NodeJS.ErrnoException, hop.url, hasAnswered);
      }
      hasAnswered = true;
      const next: Hop | undefined = redirect(hop, sent.response);
      if (next === undefined) return toAnswer(sent, hop, options);
      hop = next;
    }
  };
}

function toRecord(fields: Headers): Record<string, string> {
  return Object.fromEntries(fields);
}

function redirect(hop: Hop, response: IncomingMessage): Hop | undefined {
  try {
    const next = nextHop(hop, response.statusCode!, response.headers.location ?? null);
    if (next) destroyQuietly(response);
    return next;
  } catch (error) {
    destroyQuietly(response);
    throw error;
  }
}

/** Waits for the head of the answer. */
function send(
  { url, fields }: Hop,
  options: ExchangeOptions,
  signal: AbortSignal,
  method: "GET" | "HEAD" = "GET",
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
      method,
      headers: toRecord(fields),
      signal,
    });
    const timer = new IdleTimer(options.stallTimeoutMs, () =>
      request.destroy(new InterruptedError(`The server has said nothing for ${options.stallTimeoutMs / 1000} s`)),
    );
    limitConnecting(request, options.connectTimeoutMs, () => timer.arm());
    request.on("error", (error) => {
      timer.clear();
      reject(error);
    });
    request.on("response", (response) => {
      timer.clear();
      resolve({ request, response });
    });
    request.end();
  });
}

function limitConnecting(request: ClientRequest, timeoutMs: number, onConnect: () => void): void {
  request.once("socket", (socket) => {
    if (!socket.connecting) {
      onConnect();
      return;
    }
    const timer = setTimeout(() => {
      request.destroy(new InterruptedError(`There was no connection after ${timeoutMs / 1000} s`));
    }, timeoutMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      onConnect();
    });
  });
}

function toAnswer({ request, response }: Sent, hop: Hop, options: ExchangeOptions): Answer {
  return {
    status: response.statusCode!,
    fields: toHeaders(response.headersDistinct),
    url: hop.url,
    body: new ResponseBody(request, response, options.stallTimeoutMs),
    trailers: () => toHeaders(response.trailersDistinct),
    head: (signal) => askHead(hop, options, signal),
    cancel: () => destroyQuietly(response),
  };
}

async function askHead(hop: Hop, options: ExchangeOptions, signal: AbortSignal): Promise<Headers> {
  const fields = new Headers(hop.fields);
  for (const name of ["range", "if-range"]) fields.delete(name);
  const { response } = await send({ ...hop, fields }, options, signal, "HEAD");
  response.resume();
  return toHeaders(response.headersDistinct);
}

function toHeaders(distinct: NodeJS.Dict<string[]>): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(distinct)) for (const value of values!) headers.append(name, value);
  return headers;
}

function explain(error: NodeJS.ErrnoException, url: URL, hasAnswered: boolean): Error {
  if (error instanceof InterruptedError || error.name === "AbortError") return error;
  const { code = error.message } = error;
  const message = `${url.host} cannot be reached (${code})`;
  // A name that was found before is found again when the network is back.
  const lasts = LASTING_CODES.test(code) || (code === "ENOTFOUND" && !hasAnswered);
  return lasts
    ? new DownloadError(`${message}: ${error.message}`, { cause: error })
    : new InterruptedError(message, { cause: error });
}

function destroyQuietly(response: IncomingMessage): void {
  response.on("error", () => {});
  response.destroy();
}
