import { report } from "../core/report.ts";
import { describe } from "../core/describe.ts";
import { HttpError } from "../errors.ts";
import { errorResponse } from "../http/problem.ts";
import type { FetchHandler, NodeRequest, NodeResponse } from "./http-types.ts";
import { toRequest } from "./request.ts";
import { type SendOptions, startSending } from "./send.ts";

export type NodeListener = (req: NodeRequest, res: NodeResponse) => void;

/**
 * A fetch handler as a listener for `http`, `https` and `http2` servers, and as an Express route.
 *
 * What the handler throws is answered: an `HttpError` with its status, anything else with 500 and without its message.
 */
export function toNodeListener(handler: FetchHandler, options: SendOptions = {}): NodeListener {
  return (req, res) => {
    let made: Response | Promise<Response>;
    try {
      made = handler(toRequest(req, res));
    } catch (error) {
      return startSending(req, res, failedResponse(error), options);
    }
    if (isResponse(made)) return startSending(req, res, made, options);
    // No async function: its frame would keep the Response for as long as a stream lasts.
    Promise.resolve(made).then(
      (response) => startSending(req, res, checkResponse(response), options),
      (error: unknown) => startSending(req, res, failedResponse(error), options),
    );
  };
}

/** Other packages put a class of theirs in the global's place; `fetch` still gives the platform's. */
function isResponse(value: unknown): value is Response {
  return value instanceof Response || Object.prototype.toString.call(value) === "[object Response]";
}

function checkResponse(response: unknown): Response {
  if (isResponse(response)) return response;
  return failedResponse(new TypeError(`A handler returns a Response; this one returned ${describe(response)}`));
}

function failedResponse(error: unknown): Response {
  if (!(error instanceof HttpError)) report({ code: "HANDLER_FAILED", message: "A handler failed", error });
  return errorResponse(error);
}
