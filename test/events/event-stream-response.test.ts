import { afterEach, describe, expect, it, vi } from "vitest";
import { type EventStreamInit, eventStreamResponse } from "../../src/events/event-stream-response.ts";
import { encodeEvent } from "../../src/http/event-codec.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { Probe } from "../helpers/probe.ts";
import { turns } from "../helpers/pump-rig.ts";
import { watchReports } from "../helpers/reports.ts";

checkBudget();
watchReports();
afterEach(() => {
  vi.useRealTimers();
});

const request = new Request("http://localhost/events");

describe("an event stream response", () => {
  it("has these fields", () => {
    const response = eventStreamResponse(request, []);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
  });

  it("lets its fields be overruled, for those who send one stream to many", () => {
    const { headers } = eventStreamResponse(request, [], { headers: { "Cache-Control": "public, max-age=1" } });
    expect(headers.get("Cache-Control")).toBe("public, max-age=1");
    expect(headers.get("Content-Type")).toBe("text/event-stream");
  });

  it("sends strings, events and encoded events", async () => {
    const shared = encodeEvent({ event: "tick", data: 5 });
    const response = eventStreamResponse(request, ["a", { id: 1, data: { b: 2 } }, shared, shared], { retryMs: 500 });
    expect(await response.text()).toBe(
      'retry: 500\n\ndata: a\n\nid: 1\ndata: {"b":2}\n\nevent: tick\ndata: 5\n\nevent: tick\ndata: 5\n\n',
    );
  });

  it("hands a function the signal, and where the reader left off", async () => {
    const seen: unknown[] = [];
    const reconnecting = new Request("http://localhost/events", { headers: { "Last-Event-ID": "7" } });
    const response = eventStreamResponse(reconnecting, async function* ({ signal, lastEventId }) {
      seen.push(signal, lastEventId);
      yield "a";
    });
    expect(seen).toEqual([]);
    expect(await response.text()).toBe("data: a\n\n");
    expect(seen).toEqual([expect.any(AbortSignal), "7"]);
  });

  it("runs nothing before it is read, also where the function returns a promise", async () => {
    const make = vi.fn(async () => ["a"]);
    const response = eventStreamResponse(request, make);
    await turns(3);
    expect(make).not.toHaveBeenCalled();
    expect(await response.text()).toBe("data: a\n\n");
  });

  it.each([
    ["returns null", () => null],
    ["resolves to null", async () => null],
    [
      "is a generator that returns null",
      async function* () {
        return null;
      } as never,
    ],
  ])("is empty where the function %s", async (_how, events) => {
    const probe = new Probe();
    expect(await eventStreamResponse(request, events, { onFinish: probe.onFinish }).text()).toBe("");
    expect(probe.outcome).toMatchObject({ outcome: "completed", bytes: 0 });
  });

  it("ends where a generator returns null after an event", async () => {
    const events = async function* (): AsyncGenerator<string, null> {
      yield "a";
      return null;
    };
    expect(await eventStreamResponse(request, events as never).text()).toBe("data: a\n\n");
  });

  it("fails with an event that cannot be sent, after those before it, and closes the source", async () => {
    const probe = new Probe();
    const response = eventStreamResponse(
      request,
      async function* () {
        try {
          yield "good";
          yield { id: "1\nevent: evil" };
        } finally {
          probe.finished = true;
        }
      },
      { onFinish: probe.onFinish },
    );
    const reader = response.body!.getReader();
    let text = "";
    await expect(
      (async () => {
        for (;;) text += Buffer.from((await reader.read()).value).toString();
      })(),
    ).rejects.toMatchObject({ code: "ERR_EVENT_FIELD" });
    expect(text).toBe("data: good\n\n");
    await probe.untilFinished();
    expect(probe.outcome?.outcome).toBe("failed");
  });

  it("opens with a comment where its source has nothing to say", async () => {
    const probe = new Probe();
    const response = eventStreamResponse(request, (context) => probe.idle([], context), {
      commitAfterMs: 1,
      keepAliveMs: 1,
      onFinish: probe.onFinish,
    });
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value).toString()).toBe(": open\n\n");
    expect(Buffer.from((await reader.read()).value).toString()).toBe(": keep-alive\n\n");
    await reader.cancel();
    await probe.untilFinished();
    expect(probe.aborted).toBe(true);
    expect(probe.outcome?.outcome).toBe("aborted");
  });

  it("keeps 15 s of silence", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const probe = new Probe();
    const response = eventStreamResponse(request, (context) => probe.idle(["a"], context), {});
    const reader = response.body!.getReader();
    await reader.read();
    let comment = "";
    void reader.read().then(({ value }) => (comment = Buffer.from(value).toString()));
    await turns(3);
    await vi.advanceTimersByTimeAsync(14_999);
    expect(comment).toBe("");
    await vi.advanceTimersByTimeAsync(2);
    await turns(2);
    expect(comment).toBe(": keep-alive\n\n");
    await reader.cancel();
  });

  it.each([
    ["a string", "text"],
    ["a promise", Promise.resolve([])],
    ["null", null],
    ["a number", 5],
  ])("refuses %s for its events", (_kind, events) => {
    expect(() => eventStreamResponse(request, events as never)).toThrow(
      expect.objectContaining({ code: "ERR_SOURCE_TYPE" }),
    );
  });

  it.each<[string, EventStreamInit]>([
    ["a negative keepAliveMs", { keepAliveMs: -1 }],
    ["a negative retryMs", { retryMs: -1 }],
    ["half a ms of retryMs", { retryMs: 0.5 }],
    ["a status without a body", { status: 204 }],
  ])("refuses %s", (_what, init) => {
    expect(() => eventStreamResponse(request, [], init)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });
});
