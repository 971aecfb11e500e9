import { serve } from "sluice/node";
import { selfSigned } from "../helpers/certificate.ts";
import { toTestServer } from "../helpers/servers.ts";
import { describeWire } from "./describe-wire.ts";
import { type WireTarget } from "./wire.ts";

const sluice = (name: string, protocol: WireTarget["protocol"]): WireTarget => ({
  name,
  protocol,
  sender: "sluice",
  listener: true,
  async start(handler, options) {
    const tls = protocol === "http/1.1" ? {} : { tls: selfSigned() };
    const server = await serve(handler, { port: 0, ...tls, ...options });
    return toTestServer(server.port, protocol === "http/1.1" ? "http" : "https", () => server.destroy());
  },
});

describeWire(sluice("serve on HTTP/1.1", "http/1.1"));
describeWire(sluice("serve on TLS with HTTP/1.1", "https/1.1"));
describeWire(sluice("serve on HTTP/2", "h2"));
