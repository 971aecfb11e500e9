import { H3, serve } from "h3";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";

describeWire({
  name: "h3",
  protocol: "http/1.1",
  sender: "foreign",
  listener: false,
  async start(handler) {
    const app = new H3({ silent: true }).all("/**", (event) => handler(event.req));
    const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
    await server.ready();
    return toTestServer(Number(new URL(server.url!).port), "http", () => server.close(true));
  },
  known: {
    "the head": "comes with the first bytes",
    "an event stream without events": "is 200",
    "an error after the first byte, seen by curl -0": "is exit code 0",
    HEAD: "never runs a source, but keeps it until it is swept away",
    "a Response used twice": "is cut the second time",
    "an HttpError before the first byte": "the connection is cut",
    "an error before the first byte": "the connection is cut",
    "a source's function that throws": "the connection is cut",
    "a source's function that rejects": "the connection is cut",
  },
});
