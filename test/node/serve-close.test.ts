import { eventStreamResponse, streamingResponse } from "sluice";
import { type FetchHandler, type RunningServer, type SendResult, serve } from "sluice/node";
import { describe, expect, it } from "vitest";
import { checkBudget } from "../helpers/budget-check.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { until, within } from "../helpers/deadline.ts";
import { Probe } from "../helpers/probe.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { type WireProtocol, answerOf, openSession, send } from "../helpers/wire-client.ts";

checkBudget();
watchReports();

const start = (
  protocol: WireProtocol,
  handler: FetchHandler,
  onResult?: (result: SendResult) => void,
): Promise<RunningServer> =>
  serve(handler, { port: 0, onResult, ...(protocol === "http/1.1" ? {} : { tls: selfSigned() }) });

/** Waits for `closing`, and says how long it took, in ms. */
async function timeOf(closing: Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await within(closing, "the closing of the server");
  return performance.now() - startedAt;
}

const protocols: WireProtocol[] = ["http/1.1", "https/1.1", "h2"];

describe.each(protocols)("closing a server that speaks %s", (protocol) => {
  it("lets a body with an end of its own reach it", async () => {
    const probe = new Probe();
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    const source = async function* (): AsyncGenerator<string> {
      yield "begun,";
      await gone;
      yield "ended";
    };
    await using server = await start(protocol, () => streamingResponse(source(), { onFinish: probe.onFinish }));
    const answer = await send(protocol, server.port, "/");
    expect(String(await answer.read())).toBe("begun,");
    const closing = server.close({ graceMs: 5000 });
    go();
    expect((await answer.readAll()).toString()).toBe("ended");
    expect((await probe.untilOutcome()).outcome).toBe("completed");
    expect(await timeOf(closing)).toBeLessThan(2000);
  });

  it("ends event streams cleanly, with a time to come back after", async () => {
    const probe = new Probe();
    const results: SendResult[] = [];
    await using server = await start(
      protocol,
      (request) =>
        eventStreamResponse(request, (context) => probe.idle(["a"], context), {
          retryMs: 1000,
          onFinish: probe.onFinish,
        }),
      (result) => results.push(result),
    );
    const answer = await send(protocol, server.port, "/");
    expect(String(await answer.read())).toBe("retry: 1000\n\ndata: a\n\n");
    const closing = server.close();
    const rest = (await answer.readAll()).toString();
    expect(rest).toMatch(/^retry: \d+\n\n$/u);
    const retryMs = Number(rest.slice(7));
    expect(retryMs).toBeGreaterThanOrEqual(1000);
    expect(retryMs).toBeLessThanOrEqual(3000);
    expect(await timeOf(closing)).toBeLessThan(2000);
    expect((await probe.untilOutcome()).outcome).toBe("drained");
    expect(results).toMatchObject([{ outcome: "drained", status: 200 }]);
    await probe.untilFinished();
    expect(probe.abortReason).toMatchObject({ code: "ERR_DRAINED" });
  });

  it("cuts an endless body after the grace, visibly", async () => {
    const probe = new Probe();
    await using server = await start(protocol, () =>
      streamingResponse((context) => probe.ticks("tick", 10, context), { onFinish: probe.onFinish }),
    );
    const answer = await send(protocol, server.port, "/");
    await answer.read();
    const closing = server.close({ graceMs: 300 });
    await expect(answer.readAll()).rejects.toThrow();
    const ms = await timeOf(closing);
    expect((await probe.untilOutcome()).outcome).toBe("drained");
    await probe.untilFinished();
    expect(probe.abortReason).toMatchObject({ code: "ERR_DRAINED" });
    expect(ms).toBeLessThan(2000);
  });

  it("cuts a body that has an end, but not within the grace, before its first byte too", async () => {
    const probe = new Probe();
    await using server = await start(protocol, () =>
      streamingResponse((context) => probe.idle([], context), { commitAfterMs: Infinity, onFinish: probe.onFinish }),
    );
    const answer = send(protocol, server.port, "/").then((begun) => begun.readAll());
    answer.catch(() => {});
    await until(() => server.active === 1, "the answer's beginning");
    await within(server.close({ graceMs: 100 }), "the closing of the server");
    await expect(within(answer, "the failure")).rejects.toThrow();
    expect((await probe.untilOutcome()).outcome).toBe("drained");
  });

  it("does not wait for the grace where a handler answers in time without a body", async () => {
    for (const method of ["GET", "HEAD"]) {
      let answer: (response: Response) => void = () => {};
      let asked = false;
      await using server = await start(protocol, () => {
        asked = true;
        return new Promise<Response>((resolve) => (answer = resolve));
      });
      const pending = send(protocol, server.port, "/", { method });
      await until(() => asked, "the request");
      const closing = server.close({ graceMs: 6000 });
      answer(new Response(null, { status: method === "GET" ? 204 : 200 }));
      expect((await (await pending).readAll()).length).toBe(0);
      expect(await timeOf(closing)).toBeLessThan(3000);
    }
  });

  it("cuts a request whose handler has not answered after the grace", async () => {
    let asked = false;
    await using server = await start(protocol, () => {
      asked = true;
      return new Promise<Response>(() => {});
    });
    const pending = send(protocol, server.port, "/");
    pending.catch(() => {});
    await until(() => asked, "the request");
    expect(await timeOf(server.close({ graceMs: 100 }))).toBeLessThan(2000);
    await expect(pending).rejects.toThrow();
  });

  it("cuts a reader that takes nothing after the grace", async () => {
    const probe = new Probe();
    await using server = await start(protocol, () =>
      streamingResponse((context) => probe.endless(Buffer.alloc(64 * 1024), context), { onFinish: probe.onFinish }),
    );
    await send(protocol, server.port, "/");
    await until(() => probe.producedBytes > 1_000_000 || protocol === "h2", "a full connection");
    expect(await timeOf(server.close({ graceMs: 100 }))).toBeLessThan(2000);
    expect((await probe.untilOutcome()).outcome).toBe("drained");
    await probe.untilFinished();
  });

  it("refuses new connections at once", async () => {
    const probe = new Probe();
    await using server = await start(protocol, () =>
      streamingResponse((context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
    );
    await (await send(protocol, server.port, "/")).read();
    const closing = server.close({ graceMs: 200 });
    await expect(send(protocol, server.port, "/")).rejects.toThrow();
    await closing;
    await probe.untilOutcome();
  });

  it("is done once: whoever asks again waits for the same, and destroy() ends the grace", async () => {
    const probe = new Probe();
    await using server = await start(protocol, () =>
      streamingResponse((context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
    );
    await (await send(protocol, server.port, "/")).read();
    const first = server.close({ graceMs: Infinity });
    const second = server.close({ graceMs: 60_000 });
    let closed = 0;
    for (const closing of [first, second]) void closing.then(() => closed++);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).toBe(0);
    expect(await timeOf(server.destroy())).toBeLessThan(2000);
    await within(Promise.all([first, second, server.close(), server.destroy()]), "all closings");
    expect((await probe.untilOutcome()).outcome).toBe("drained");
  });

  it("by destroy() cuts everything at once", async () => {
    const probe = new Probe();
    const server = await start(protocol, () =>
      streamingResponse((context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
    );
    const answer = await send(protocol, server.port, "/");
    await answer.read();
    expect(await timeOf(server.destroy())).toBeLessThan(1000);
    await expect(answer.readAll()).rejects.toThrow();
    expect((await probe.untilOutcome()).outcome).toBe("drained");
    await probe.untilFinished();
  });

  it("is at once where nothing is connected", async () => {
    const server = await start(protocol, () => new Response("text"));
    await (await send(protocol, server.port, "/")).readAll();
    expect(await timeOf(server.close())).toBeLessThan(2000);
  });
});

describe.each(["http/1.1", "https/1.1"] as const)("the connections of a server that closes, on %s", (protocol) => {
  const connect = (server: RunningServer): Promise<RawClient> =>
    RawClient.connect(server.port, { tls: protocol !== "http/1.1" });

  it("are closed at once where they are idle", async () => {
    await using server = await start(protocol, () => new Response("text"));
    using used = await connect(server);
    used.get("/");
    await used.readAnswers(1);
    using unused = await connect(server);
    expect(await timeOf(server.close({ graceMs: 6000 }))).toBeLessThan(2000);
    expect(await used.end()).toBe("end");
    await unused.end();
  });

  it("are closed when their answer has ended, and say so on new requests", async () => {
    const probe = new Probe();
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    await using server = await start(protocol, (request) => {
      const path = new URL(request.url).pathname;
      if (path === "/events")
        return eventStreamResponse(request, (context) => probe.idle([], context), { onFinish: probe.onFinish });
      return streamingResponse(
        (async function* () {
          yield "begun,";
          await gone;
          yield "ended";
        })(),
      );
    });
    using client = await connect(server);
    client.get("/slow");
    await client.readUntil("begun,");
    const closing = server.close({ graceMs: 6000 });
    client.get("/events");
    go();
    expect(await client.end()).toBe("end");
    const [slow, events] = client.answers();
    expect(slow).toMatchObject({ complete: true });
    expect(slow!.body.toString()).toBe("begun,ended");
    // The one that came during the drain is answered to the end, or not at all.
    if (events) {
      expect(events).toMatchObject({ complete: true });
      expect(events.body.toString()).toMatch(/^retry: \d+\n\n$/u);
      expect(events.headers.get("connection")).toEqual(["close"]);
      expect((await probe.untilOutcome()).outcome).toBe("drained");
    }
    expect(await timeOf(closing)).toBeLessThan(2000);
  });

  it("keep no event source open whose function fails while the server closes", async () => {
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    await using server = await start(protocol, async (request) => {
      await gone;
      return eventStreamResponse(request, () => Promise.reject(new Error("no connection")));
    });
    using client = await connect(server);
    client.get("/");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closing = server.close({ graceMs: 6000 });
    go();
    await client.end();
    expect(client.answers()).toMatchObject([{ complete: true, status: 200 }]);
    expect(await timeOf(closing)).toBeLessThan(2000);
  });
});

describe("an HTTP/2 session of a server that closes", () => {
  it("is told to go away, and its streams end first", async () => {
    const probe = new Probe();
    await using server = await start("h2", (request) =>
      new URL(request.url).pathname === "/events"
        ? eventStreamResponse(request, (context) => probe.idle(["a"], context), { onFinish: probe.onFinish })
        : streamingResponse((context) => probe.ticks("tick", 10, context)),
    );
    const session = await openSession(server.port);
    let goneAway = 0;
    session.on("goaway", () => goneAway++);
    const events = await answerOf(session.request({ ":path": "/events" }));
    await events.read();
    const closing = server.close({ graceMs: 6000 });
    expect((await events.readAll()).toString()).toMatch(/^retry: \d+\n\n$/u);
    await until(() => goneAway > 0 && session.closed, "the end of the session");
    expect(await timeOf(closing)).toBeLessThan(2000);
  });
});
