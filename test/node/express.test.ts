import { createServer, get } from "node:http";
import { gunzipSync } from "node:zlib";
import express, {
  type Express,
  type NextFunction,
  type Request as ExpressRequest,
  type Response as ExpressResponse,
} from "express";
import { HttpError, eventStreamResponse, streamingResponse } from "sluice";
import { type SendResult, sendResponse, toNodeListener, toRequest } from "sluice/node";
import { describe, expect, it } from "vitest";
import { checkBudget } from "../helpers/budget-check.ts";
import { compressionLike } from "../helpers/compression-like.ts";
import { until, within } from "../helpers/deadline.ts";
import { Probe } from "../helpers/probe.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { type TestServer, startHttp } from "../helpers/servers.ts";
import { send } from "../helpers/wire-client.ts";

checkBudget();
const reports = watchReports();

function start(build: (app: Express) => void): Promise<TestServer> {
  const app = express();
  build(app);
  return startHttp(app as never);
}

describe("fields that Express middleware has set", () => {
  it("stay, unless the response names them", async () => {
    await using server = await start((app) => {
      app.use((_req, res, next) => {
        res.set({ "X-Before": "middleware", "X-Both": "middleware", "Set-Cookie": "a=1" });
        next();
      });
      app.get(
        "/",
        toNodeListener(() => streamingResponse(["text"], { headers: { "X-Both": "response" } })),
      );
    });
    const answer = await send("http/1.1", server.port, "/");
    expect((await answer.readAll()).toString()).toBe("text");
    expect(answer.headers).toMatchObject({ "x-before": "middleware", "x-both": "response", "set-cookie": ["a=1"] });
    expect(answer.headers["x-powered-by"]).toBe("Express");
  });

  it.each([
    ["a body of unknown length", () => new Probe().items(["one,", "two,", "three"])],
    ["a small body", () => ["one,", "two,", "three"]],
  ])("never say how long %s is", async (_what, source) => {
    for (const field of ["Content-Length", "Transfer-Encoding"]) {
      await using server = await start((app) => {
        app.use((_req, res, next) => {
          res.setHeader(field, field === "Content-Length" ? "3" : "chunked");
          next();
        });
        app.get(
          "/",
          toNodeListener(() => streamingResponse(source())),
        );
      });
      using client = await RawClient.connect(server.port);
      client.get("/");
      client.get("/");
      const answers = await client.readAnswers(2);
      expect(answers.map(({ body, complete }) => [body.toString(), complete])).toEqual([
        ["one,two,three", true],
        ["one,two,three", true],
      ]);
      client.send("GET / HTTP/1.0\r\n\r\n");
      await client.end();
      expect(client.answers().at(-1)!.body.toString()).toBe("one,two,three");
    }
  });
});

describe("an answer that was begun already", () => {
  it.each([
    ["by its head", (res: ExpressResponse) => res.writeHead(200).flushHeaders()],
    ["by its first bytes", (res: ExpressResponse) => void res.write("begun")],
  ])("%s is broken off, reported, and its source not run", async (_how, begin) => {
    const probe = new Probe();
    const results: SendResult[] = [];
    await using server = await start((app) => {
      app.use((_req, res, next) => {
        begin(res);
        next();
      });
      app.get(
        "/",
        toNodeListener(() => streamingResponse(probe.endless("x"), { onFinish: probe.onFinish }), {
          onResult: (result) => results.push(result),
        }),
      );
    });
    const answer = await send("http/1.1", server.port, "/").catch(() => undefined);
    if (answer) await expect(answer.readAll()).rejects.toThrow();
    expect(probe.pulled).toBe(0);
    expect((await probe.untilOutcome()).outcome).toBe("discarded");
    expect(results).toMatchObject([{ outcome: "failed" }]);
    expect(reports.take("HANDLER_FAILED")).toHaveLength(1);
  });

  it("and ended is left as it is", async () => {
    await using server = await start((app) => {
      app.get("/", (req, res) => {
        res.send("whole");
        toNodeListener(() => new Response("late"))(req, res);
      });
    });
    const answer = await send("http/1.1", server.port, "/");
    expect((await answer.readAll()).toString()).toBe("whole");
    await until(() => reports.all().length > 0, "the report");
    expect(reports.take("HANDLER_FAILED")).toHaveLength(1);
  });
});

describe("Express behind a middleware that compresses", () => {
  const compressed = (build: (app: Express) => void): Promise<TestServer> =>
    start((app) => build(app.use(compressionLike)));

  it("sends a body whole", async () => {
    const items = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);
    const probe = new Probe();
    await using server = await compressed((app) => {
      app.get(
        "/",
        toNodeListener(() =>
          streamingResponse(probe.items(items), { contentLength: items.join("").length, onFinish: probe.onFinish }),
        ),
      );
    });
    const answer = await send("http/1.1", server.port, "/", { headers: { "Accept-Encoding": "gzip" } });
    expect(answer.headers).toMatchObject({ "content-encoding": "gzip" });
    expect(answer.headers["content-length"]).toBeUndefined();
    expect(gunzipSync(await answer.readAll()).toString()).toBe(items.join(""));
    expect((await probe.untilOutcome()).outcome).toBe("completed");
  });

  it("sends events one by one", async () => {
    const probe = new Probe();
    await using server = await compressed((app) => {
      app.get(
        "/",
        toNodeListener((request) =>
          eventStreamResponse(request, (context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
        ),
      );
    });
    const answer = await send("http/1.1", server.port, "/", { headers: { "Accept-Encoding": "gzip" } });
    const first = await answer.readBytes(20);
    expect(gunzipSync(first, { finishFlush: 2 }).toString()).toBe("data: a\n\n");
    answer.leave();
    await probe.untilFinished();
    expect(probe.outcome?.outcome).toBe("aborted");
  });

  it("breaks off a body that fails", async () => {
    const probe = new Probe();
    await using server = await compressed((app) => {
      app.get(
        "/",
        toNodeListener(() =>
          streamingResponse(probe.failing(["some"], new Error("broken")), { onFinish: probe.onFinish }),
        ),
      );
    });
    const whole = async (): Promise<unknown> =>
      (await send("http/1.1", server.port, "/", { headers: { "Accept-Encoding": "gzip" } })).readAll();
    await expect(whole()).rejects.toThrow();
    expect((await probe.untilOutcome()).outcome).toBe("failed");
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});

describe("sendResponse in a listener of one's own", () => {
  it("resolves with how the answer ended, and passes errors on to nobody", async () => {
    const seen: Promise<SendResult>[] = [];
    const handler = (req: ExpressRequest, res: ExpressResponse, next: NextFunction): void => {
      const response =
        req.url === "/fails"
          ? streamingResponse(new Probe().failing([], new HttpError(410)))
          : streamingResponse(["text"]);
      const sent = sendResponse(req, res, response);
      seen.push(sent);
      sent.catch(next);
    };
    await using server = await start((app) => app.use(handler));
    await (await send("http/1.1", server.port, "/")).readAll();
    await (await send("http/1.1", server.port, "/fails")).readAll();
    expect(await within(Promise.all(seen), "both results")).toMatchObject([
      { method: "GET", target: "/", status: 200, outcome: "completed", bytes: 4, error: undefined },
      { method: "GET", target: "/fails", status: 410, outcome: "failed", bytes: 0, error: new HttpError(410) },
    ]);
  });

  it("has a request of one's own, without a Host too", async () => {
    const urls: string[] = [];
    const server = createServer((req, res) => {
      const request = toRequest(req, res);
      urls.push(request.url);
      void sendResponse(req, res, new Response(request.method));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const body = await new Promise<string>((resolve) => {
      get({ port, host: "127.0.0.1", path: "/a?b=c" }, (message) => {
        message.setEncoding("utf8").on("data", resolve);
      });
    });
    using client = await RawClient.connect(port);
    client.send("GET /old HTTP/1.0\r\n\r\n");
    await client.end();
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(body).toBe("GET");
    expect(urls).toEqual([`http://127.0.0.1:${port}/a?b=c`, `http://127.0.0.1:${port}/old`]);
  });

  it.each([
    "GET http://[::1/ HTTP/1.1",
    "GET / HTTP/1.1\r\nHost: a b",
    "GET //evil.example/x HTTP/1.1",
    "GET /%zz HTTP/1.1",
    "OPTIONS * HTTP/1.1",
  ])("answers the odd request %j, and lives on", async (head) => {
    await using server = await startHttp(toNodeListener((request) => new Response(new URL(request.url).pathname)));
    using client = await RawClient.connect(server.port);
    client.send(`${head}${head.includes("Host") ? "" : "\r\nHost: localhost"}\r\n\r\n`);
    const [answer] = await client.readAnswers(1);
    expect([200, 400, 500]).toContain(answer?.status);
    const next = await send("http/1.1", server.port, "/alive");
    expect((await next.readAll()).toString()).toBe("/alive");
    reports.takeAll();
  });
});
