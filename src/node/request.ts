import { NodeRequest as FetchRequest } from "srvx/node";
import type { NodeRequest, NodeResponse } from "./http-types.ts";

/**
 * A standard `Request` for a request of Node's. What is not asked for is not made: headers, URL, body and signal are lazy.
 *
 * @param res - given, the request's `signal` is aborted when the answer's connection closes before the answer has ended
 */
export function toRequest(req: NodeRequest, res?: NodeResponse): Request {
  return new FetchRequest({ req, res } as never);
}
