import { once } from "node:events";
import { eventStreamResponse } from "sluice";
import { serve } from "sluice/node";
import { expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { lapse, until } from "./support/deadline.ts";
import { requestHttp2 } from "./support/readers.ts";

const limits = { keepAliveTimeoutMs: 200 };

// It is not: Node's HTTP/2 server knows no such limit, and nobody sets its session's timeout.
it.fails("closes an HTTP/2 connection that has no request for keepAliveTimeoutMs", async () => {
  await using server = await serve(() => new Response("pong"), { port: 0, tls: selfSigned(), limits });
  using reader = await requestHttp2(server.url, "/");
  reader.stream.resume();
  await once(reader.stream, "end");
  await until(() => reader.session.closed, "the end of the connection", 2500);
});

it("keeps an HTTP/2 connection on which a stream is silent for longer than keepAliveTimeoutMs", async () => {
  const events = async function* ({ signal }: { signal: AbortSignal }): AsyncGenerator<string> {
    yield "the first";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  await using server = await serve((request) => eventStreamResponse(request, events), {
    port: 0,
    tls: selfSigned(),
    limits,
  });
  using reader = await requestHttp2(server.url, "/");
  reader.stream.resume();
  await once(reader.stream, "data");
  await lapse(limits.keepAliveTimeoutMs * 5);
  expect(reader.stream.closed).toBe(false);
  expect(server.active).toBe(1);
});
