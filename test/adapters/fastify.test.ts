import fastify, { type FastifyInstance } from "fastify";
import { HttpError, streamingResponse } from "sluice";
import { sluiceFastify } from "sluice/fastify";
import type { SendResult } from "sluice/node";
import { expect, it } from "vitest";
import { checkBudget } from "../helpers/budget-check.ts";
import { until } from "../helpers/deadline.ts";
import { Probe } from "../helpers/probe.ts";
import { watchReports } from "../helpers/reports.ts";
import { type TestServer, toTestServer } from "../helpers/servers.ts";
import { send } from "../helpers/wire-client.ts";

checkBudget();
const reports = watchReports();

async function start(build: (app: FastifyInstance) => void, options: object = {}): Promise<TestServer> {
  const app = fastify({ forceCloseConnections: true });
  await app.register(sluiceFastify, options);
  build(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as { port: number };
  return toTestServer(port, "http", () => app.close());
}

it("reply.sendResponse sends the fields that hooks have set, unless the response names them", async () => {
  await using server = await start((app) => {
    app.addHook("onRequest", async (_request, reply) => {
      reply.headers({ "X-Before": "hook", "X-Both": "hook", "Set-Cookie": ["a=1", "b=2"] });
    });
    app.get("/", (_request, reply) =>
      reply.sendResponse(streamingResponse(["text"], { headers: { "X-Both": "response" } })),
    );
  });
  const answer = await send("http/1.1", server.port, "/");
  expect((await answer.readAll()).toString()).toBe("text");
  expect(answer.headers).toMatchObject({ "x-before": "hook", "x-both": "response", "set-cookie": ["a=1", "b=2"] });
});

it("reply.sendResponse resolves with how the answer ended", async () => {
  const seen: SendResult[] = [];
  const told: SendResult[] = [];
  await using server = await start(
    (app) => {
      app.get("/", async (_request, reply) => {
        seen.push(await reply.sendResponse(streamingResponse(["text"])));
        return reply;
      });
    },
    { onResult: (result: SendResult) => told.push(result) },
  );
  await (await send("http/1.1", server.port, "/")).readAll();
  await until(() => seen.length === 1, "the result");
  expect(seen).toMatchObject([{ status: 200, outcome: "completed", bytes: 4 }]);
  expect(told).toEqual(seen);
});

it("reply.sendResponse sends in the scope that registers the plugin, and in those within", async () => {
  await using server = await start((app) => {
    void app.register((inner, _options, done) => {
      inner.get("/inner", (_request, reply) => reply.sendResponse(new Response("inner")));
      done();
    });
  });
  expect((await (await send("http/1.1", server.port, "/inner")).readAll()).toString()).toBe("inner");
});

it("reply.sendResponse compresses where the plugin is told to", async () => {
  await using server = await start(
    (app) => {
      app.get("/", (_request, reply) => reply.sendResponse(new Response("text ".repeat(1000))));
    },
    { compress: true },
  );
  const answer = await send("http/1.1", server.port, "/", { headers: { "Accept-Encoding": "gzip" } });
  expect(answer.headers["content-encoding"]).toBe("gzip");
  expect((await answer.readAll()).length).toBeLessThan(500);
});

it("request.toRequest is a standard request, whose signal is aborted when the client leaves", async () => {
  const probe = new Probe();
  let request: Request | undefined;
  await using server = await start((app) => {
    app.get("/", (incoming, reply) => {
      request = incoming.toRequest();
      return reply.sendResponse(
        streamingResponse((context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
      );
    });
  });
  const answer = await send("http/1.1", server.port, "/?a=b", { headers: { "X-Own": "1" } });
  await answer.read();
  expect(request).toBeInstanceOf(Request);
  expect([request?.method, request?.url, request?.headers.get("X-Own")]).toEqual(["GET", `${server.url}/?a=b`, "1"]);
  expect(request?.signal.aborted).toBe(false);
  answer.leave();
  await probe.untilFinished();
  await until(() => request?.signal.aborted === true, "the abort of the request's signal");
});

it("request.toRequest has a signal that a whole answer does not abort", async () => {
  let request: Request | undefined;
  await using server = await start((app) => {
    app.get("/", (incoming, reply) => {
      request = incoming.toRequest();
      expect(request.signal.aborted).toBe(false);
      return reply.sendResponse(new Response("text"));
    });
  });
  await (await send("http/1.1", server.port, "/")).readAll();
  await (await send("http/1.1", server.port, "/missing")).readAll();
  expect(request?.signal.aborted).toBe(false);
});

it("an error of the source is answered by us, an error of the handler by Fastify", async () => {
  await using server = await start((app) => {
    app.get("/source", (_request, reply) =>
      reply.sendResponse(streamingResponse(new Probe().failing([], new HttpError(409, "Not now")))),
    );
    app.get("/handler", () => {
      throw Object.assign(new Error("Fastify's own"), { statusCode: 418 });
    });
  });
  const source = await send("http/1.1", server.port, "/source");
  expect([source.status, source.headers["content-type"]]).toEqual([409, "application/problem+json"]);
  await source.readAll();
  const handler = await send("http/1.1", server.port, "/handler");
  expect(handler.status).toBe(418);
  await handler.readAll();
  expect(reports.all()).toEqual([]);
});
