import fastify from "fastify";
import { toRequest } from "sluice/node";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./wire.ts";

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
  known: {},
});
