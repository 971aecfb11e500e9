import { serve } from "@hono/node-server";
import type { AddressInfo } from "node:net";
import { closeServer, toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./wire.ts";

describeWire({
  name: "@hono/node-server",
  protocol: "http/1.1",
  sender: "foreign",
  listener: false,
  start: (handler) =>
    new Promise((resolve) => {
      const server = serve({ fetch: handler, port: 0, hostname: "127.0.0.1" }, (address: AddressInfo) => {
        resolve(toTestServer(address.port, "http", () => closeServer(server)));
      });
    }),
  known: {},
});
