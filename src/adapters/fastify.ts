import type { FastifyInstance } from "fastify";
import type { NodeRequest, NodeResponse } from "../node/http-types.ts";
import { toRequest } from "../node/request.ts";
import { type SendOptions, sendResponse } from "../node/send.ts";
import type { SendResult } from "../node/transmission.ts";

/** Fastify's request, as far as it is needed here. */
interface FastifyRequestLike {
  readonly raw: NodeRequest;
}

/** Fastify's reply, as far as it is needed here. */
interface FastifyReplyLike {
  readonly raw: NodeResponse;
  readonly request: FastifyRequestLike;
  hijack(): unknown;
  getHeaders(): Record<string, number | string | string[] | undefined>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** The standard `Request`; made anew with each call. */
    toRequest(): Request;
  }
  interface FastifyReply {
    /** Sends by Sluice's own sender. Resolves when the answer has ended, in whatever way. */
    sendResponse(response: Response): Promise<SendResult>;
  }
}

type Done = (error?: Error) => void;

/**
 * A Fastify plugin that sends a `Response` by our own sender:
 *
 * - `reply.sendResponse(response)` takes it natively, and resolves when it has ended. Fields that hooks have set on the reply
 *   are sent too; the response's own win.
 * - `request.toRequest()` gives the standard `Request`.
 *
 * Fastify's own `reply.send(response)` works as well, by Fastify's rules.
 *
 * @example
 * await app.register(sluiceFastify);
 * app.get("/log", (request, reply) => reply.sendResponse(streamingResponse(lines("app.log"))));
 */
export function sluiceFastify(fastify: FastifyInstance, options: SendOptions, done: Done): void {
  fastify.decorateRequest("toRequest", function toStandard(this: FastifyRequestLike): Request {
    return toRequest(this.raw);
  });
  fastify.decorateReply("sendResponse", function send(this: FastifyReplyLike, response: Response): Promise<SendResult> {
    // From here on the reply is ours: Fastify neither sends nor waits.
    this.hijack();
    for (const [name, value] of Object.entries(this.getHeaders())) {
      if (value !== undefined) this.raw.setHeader(name, value);
    }
    return sendResponse(this.request.raw, this.raw, response, options);
  });
  done();
}

// Fastify gives plugins a scope of their own; this one is for the scope that registers it (fastify-plugin does the same).
Object.assign(sluiceFastify, { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "sluice" });
