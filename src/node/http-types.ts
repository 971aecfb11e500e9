import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request as Node's servers give it, on HTTP/1.0, 1.1 or 2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** Where its answer goes. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

export type FetchHandler = (request: Request) => Response | Promise<Response>;

export function isHttp2(res: NodeResponse): res is Http2ServerResponse {
  return "stream" in res && res.stream !== undefined;
}
