import { serve } from "srvx/node";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";

describeWire({
  name: "srvx",
  protocol: "http/1.1",
  sender: "foreign",
  listener: false,
  async start(handler) {
    const server = serve({ fetch: handler, port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
    await server.ready();
    return toTestServer(Number(new URL(server.url!).port), "http", () => server.close(true));
  },
  known: {
    "the head": "comes with the first bytes",
    "an event stream without events": "is 200",
    "an error after the first byte, seen by curl -0": "is exit code 0",
    "a Response used twice": "is cut the second time",
    "an HttpError before the first byte": "the connection is cut",
    "an error before the first byte": "the connection is cut",
    "a source's function that throws": "the connection is cut",
    "a source's function that rejects": "the connection is cut",
  },
});
