import { serve } from "@hono/node-server";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";
import { closeServer, toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";

// It prints what a source throws.
vi.spyOn(console, "error").mockReturnValue();

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
  known: {
    "an event stream without events": "is 200",
    "an error after the first byte, seen by curl -0": "is exit code 0",
    HEAD: "runs the source",
    "a Response used twice": "is 200 the second time",
    "an HttpError before the first byte": "200, then broken",
    "an error before the first byte": "200, then broken",
    "a source's function that throws": "200, then broken",
    "a source's function that rejects": "200, then broken",
  },
});
