import type { Server } from "node:http";
import { type Limits, type RunningServer, serve } from "sluice/node";
import { describe, expect, it } from "vitest";
import { resolveLimits } from "../../src/node/limits.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";

describe("the limits of a server", () => {
  it("have these defaults", () => {
    expect(resolveLimits()).toEqual({
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 300_000,
      keepAliveTimeoutMs: 65_000,
      maxConnections: 50_000,
      maxRequestsPerSocket: 10_000,
      maxHeaderBytes: 16_384,
    });
  });

  it("are taken where they are given", () => {
    expect(resolveLimits({ maxConnections: 5, keepAliveTimeoutMs: undefined as never })).toMatchObject({
      maxConnections: 5,
      keepAliveTimeoutMs: 65_000,
    });
  });

  it.each(["headersTimeoutMs", "requestTimeoutMs", "maxConnections"])("refuse a %s that is none", async (name) => {
    for (const value of [-1, 1.5, Number.NaN, Infinity, "5"]) {
      expect(() => resolveLimits({ [name]: value })).toThrow(
        expect.objectContaining({
          code: "ERR_INVALID_OPTION",
          message: expect.stringContaining(`limits.${name}`) as string,
        }),
      );
    }
    await expect(serve(() => new Response(), { port: 0, limits: { [name]: -1 } })).rejects.toMatchObject({
      code: "ERR_INVALID_OPTION",
    });
  });

  it("refuse a head more time than its request", () => {
    expect(() => resolveLimits({ headersTimeoutMs: 2, requestTimeoutMs: 1 })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
    expect(resolveLimits({ headersTimeoutMs: 2, requestTimeoutMs: 0 })).toMatchObject({ headersTimeoutMs: 2 });
  });

  it("may give a request less time than heads have by default", async () => {
    await using server = await serve(() => new Response("in time"), { port: 0, limits: { requestTimeoutMs: 5000 } });
    using client = await RawClient.connect(server.port);
    client.get("/");
    expect((await client.readAnswers(1))[0]?.body.toString()).toBe("in time");
  });
});

describe.each([
  ["plain HTTP", false],
  ["TLS", true],
])("a server on %s", (_name, tls) => {
  const start = (limits: Limits): Promise<RunningServer> =>
    serve(() => new Response("answered"), { port: 0, limits, ...(tls ? { tls: selfSigned() } : {}) });
  const connect = (server: RunningServer): Promise<RawClient> => RawClient.connect(server.port, { tls });

  it("has its limits", async () => {
    await using running = await start({});
    const server = running.server as Server;
    expect([
      server.headersTimeout,
      server.requestTimeout,
      server.keepAliveTimeout,
      server.maxRequestsPerSocket,
      server.maxConnections,
    ]).toEqual([10_000, 300_000, 65_000, 10_000, 50_000]);
  });

  it("gives up on a head that does not arrive", async () => {
    await using server = await start({ headersTimeoutMs: 200 });
    using client = await connect(server);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    const startedAt = performance.now();
    await client.end();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(client.answers()).toMatchObject([{ status: 408 }]);
  });

  it("answers a head that is too large with 431", async () => {
    await using server = await start({ maxHeaderBytes: 2000 });
    using client = await connect(server);
    client.get("/", `X-Large: ${"x".repeat(3000)}`);
    await client.end();
    expect(client.answers()).toMatchObject([{ status: 431 }]);
  });

  it("closes a connection after so many requests", async () => {
    await using server = await start({ maxRequestsPerSocket: 2 });
    using client = await connect(server);
    client.get("/");
    expect((await client.readAnswers(1))[0]?.headers.get("connection")).toEqual(["keep-alive"]);
    client.get("/");
    await client.end();
    expect(client.answers().map(({ status, headers }) => [status, headers.get("connection")?.[0]])).toEqual([
      [200, "keep-alive"],
      [200, "close"],
    ]);
  });

  it("closes a connection that is idle for too long", async () => {
    await using server = await start({ keepAliveTimeoutMs: 100 });
    using client = await connect(server);
    client.get("/");
    await client.readAnswers(1);
    await client.end(5000);
    expect(client.answers()).toHaveLength(1);
  });

  it("closes connections beyond its limit as they come", async () => {
    await using server = await start({ maxConnections: 1 });
    using first = await connect(server);
    first.get("/");
    await first.readAnswers(1);
    const second = await connect(server).catch(() => undefined);
    second?.get("/");
    await second?.end();
    expect(second?.byteLength ?? 0).toBe(0);
    first.get("/");
    await until(() => first.answers().length === 2, "the second answer of the first");
    expect(first.answers()[1]).toMatchObject({ status: 200 });
    second?.destroy();
  });
});
