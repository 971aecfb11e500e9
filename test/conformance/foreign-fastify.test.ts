import fastify from "fastify";
import { toRequest } from "sluice/node";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";

describeWire({
  name: "Fastify's reply.send",
  protocol: "http/1.1",
  sender: "foreign",
  listener: false,
  async start(handler) {
    const app = fastify({ forceCloseConnections: true });
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.all("/", async (request, reply) => reply.send(await handler(toRequest(request.raw, reply.raw))));
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as { port: number };
    return toTestServer(port, "http", () => app.close());
  },
  known: {
    "the head": "comes with the first bytes",
    "an event stream without events": "is 200",
    "an error after the first byte, seen by curl -0": "is exit code 0",
    HEAD: "hangs, and runs the source",
    "an HttpError before the first byte": '404 {"statusCode":404,"error":"Not Found","message":"No such report"}',
    "an error before the first byte": "500, and the message is shown",
    "a source's function that throws": '503 {"statusCode":503,"error":"Service Unavailable","message":"Later"}',
    "a source's function that rejects": '503 {"statusCode":503,"error":"Service Unavailable","message":"Later"}',
  },
});
