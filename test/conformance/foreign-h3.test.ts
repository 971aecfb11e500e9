import { H3, serve } from "h3";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./wire.ts";

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
  known: {},
});
