import type { RequestListener } from "node:http";
import express, { type RequestHandler } from "express";
import fastify from "fastify";
import { sluiceFastify } from "sluice/fastify";
import { type FetchHandler, sendResponse, toNodeListener, toRequest } from "sluice/node";
import { compressionLike } from "../helpers/compression-like.ts";
import { startHttp, startHttps, toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";
import { type WireOptions, type WireTarget } from "./wire.ts";

const over = { "http/1.1": startHttp, "https/1.1": startHttps };

function onNode(
  name: string,
  protocol: keyof typeof over,
  makeListener: (handler: FetchHandler, options?: WireOptions) => RequestListener,
): WireTarget {
  return {
    name,
    protocol,
    sender: "sluice",
    listener: !name.includes("sendResponse"),
    start: (handler, options) => over[protocol](makeListener(handler, options)),
  };
}

/** An Express application with one route, and what goes before it. */
function expressWith(...before: RequestHandler[]) {
  return (handler: FetchHandler, options?: WireOptions): RequestListener => {
    const app = express();
    app.disable("x-powered-by");
    app.use(...before, (_req, _res, next) => next());
    app.all(/.*/u, toNodeListener(handler, options));
    return app as RequestListener;
  };
}

/** A handler of one's own that is written as most are. */
const byHand = (handler: FetchHandler, options?: WireOptions): RequestListener =>
  async function listener(req, res) {
    const response = await handler(toRequest(req, res));
    await sendResponse(req, res, response, options);
  };

describeWire(onNode("toNodeListener on https", "https/1.1", toNodeListener));
describeWire(onNode("an Express route by toNodeListener", "http/1.1", expressWith()));
describeWire({
  ...onNode("an Express route behind a patched res.write", "http/1.1", expressWith(compressionLike)),
  compressesItself: true,
});
describeWire(onNode("sendResponse in a listener of one's own", "http/1.1", byHand));

describeWire({
  name: "sendResponse in Fastify",
  protocol: "http/1.1",
  sender: "sluice",
  listener: false,
  async start(handler, options) {
    const app = fastify({ forceCloseConnections: true });
    await app.register(sluiceFastify, options ?? {});
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.all("/*", async (request, reply) => {
      await reply.sendResponse(await handler(request.toRequest()));
      return reply;
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as { port: number };
    return toTestServer(port, "http", () => app.close());
  },
});
