import { serve } from "srvx/node";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./wire.ts";

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
  known: {},
});
