import { createServer } from "node:net";
import { join } from "node:path";
import { budget, streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { afterEach, expect, it } from "vitest";
import { checkBudget } from "../helpers/budget-check.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { Probe } from "../helpers/probe.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { send } from "../helpers/wire-client.ts";

checkBudget();
watchReports();
const folder = temporaryFolder();
const { maxBytes } = budget;
afterEach(() => {
  budget.maxBytes = maxBytes;
});

it("a server says where it listens, and answers there", async () => {
  await using server = await serve((request) => new Response(request.url), { port: 0 });
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  expect((await curl(server.url)).body.toString()).toBe(`${server.url}/`);
});

it("a server on IPv6 has brackets in its URL", async () => {
  await using server = await serve((request) => new Response(request.url), { port: 0, hostname: "::1" });
  expect(server.url).toBe(`http://[::1]:${server.port}`);
  expect((await curl(server.url)).body.toString()).toBe(`${server.url}/`);
});

it("a server with a certificate speaks HTTP/2, and HTTP/1.1 where the client wants it", async () => {
  await using server = await serve((request) => new Response(request.url), { port: 0, tls: selfSigned() });
  expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
  for (const [option, version] of [
    ["--http2", "2"],
    ["--http1.1", "1.1"],
  ] as const) {
    const { httpVersion, body } = await curl(server.url, "-k", option);
    expect([httpVersion, body.toString()]).toEqual([version, `${server.url}/`]);
  }
});

it("a server may listen on a Unix socket", async () => {
  const path = join(folder.path, "socket");
  await using server = await serve((request) => new Response(new URL(request.url).pathname), { path });
  expect(server.port).toBe(0);
  const { body, exitCode } = await curl("http://localhost/there", "--unix-socket", path);
  expect([exitCode, body.toString()]).toEqual([0, "/there"]);
});

it("serve rejects where the port is taken", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await until(() => other.listening, "the other server");
  const { port } = other.address() as { port: number };
  await expect(serve(() => new Response(), { port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  await new Promise((resolve) => other.close(resolve));
  await using server = await serve(() => new Response("free"), { port });
  expect((await curl(server.url)).body.toString()).toBe("free");
});

it("serve sets the budget of the process", async () => {
  await using server = await serve(() => streamingResponse([new Uint8Array(200_000)]), {
    port: 0,
    maxBufferedBytes: 1_000_000,
  });
  expect(budget.maxBytes).toBe(1_000_000);
  expect((await (await send("http/1.1", server.port, "/")).readAll()).length).toBe(200_000);
  await expect(serve(() => new Response(), { port: 0, maxBufferedBytes: -1 })).rejects.toThrow(RangeError);
});

it("a server counts the bodies that are being sent", async () => {
  const probe = new Probe();
  await using server = await serve(
    () => streamingResponse((context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
    { port: 0 },
  );
  expect(server.active).toBe(0);
  const answer = await send("http/1.1", server.port, "/");
  await answer.read();
  expect(server.active).toBe(1);
  answer.leave();
  await probe.untilOutcome();
  expect(server.active).toBe(0);
});
