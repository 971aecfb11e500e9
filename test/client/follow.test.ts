import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { FollowError, type FollowOptions, type FollowedEvent, follow } from "../../src/client/index.ts";
import { settled, until, within } from "../helpers/deadline.ts";
import { startHttp } from "../helpers/servers.ts";
import { type Act, FaultServer, head, sends } from "./support.ts";

const EVENTS = head(200, "Content-Type: text/event-stream; charset=utf-8");
const END = head(204);

/** Without waiting for long. */
const QUICK: FollowOptions = { reconnectionMs: 1, maxDelayMs: 2, retries: 2 };

/** Sends events and ends. */
const events = (...frames: string[]): Act => sends(EVENTS, ...frames);

/** Sends events and falls silent. */
const holds =
  (...frames: string[]): Act =>
  (socket) =>
    void socket.write([EVENTS, ...frames].join(""));

/** Sends events, and breaks off in the middle of a chunk. */
const breaks =
  (...frames: string[]): Act =>
  (socket) => {
    const body = frames.join("");
    const announced = (Buffer.byteLength(body) + 1).toString(16);
    socket.end(`${head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")}${announced}\r\n${body}`);
  };

interface Followed {
  readonly events: FollowedEvent[];
  readonly data: string[];
  /** What it has thrown. */
  readonly failure: unknown;
}

/** Follows to its end. */
async function followAll(url: string, options: FollowOptions = {}): Promise<Followed> {
  const followed: FollowedEvent[] = [];
  const run = async (): Promise<unknown> => {
    try {
      for await (const event of follow(url, { ...QUICK, ...options })) followed.push(event);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const failure = await within(run(), "the end of a stream that is followed");
  return { events: followed, data: followed.map(({ data }) => data), failure };
}

describe("events", () => {
  test("come with their type and id, their lines joined, without comments", async () => {
    await using server = await FaultServer.start(
      events("\uFEFF: hello\n\n", "event: news\nid: 7\ndata: a\ndata:  b\n\n", "data\n\ndata: €\r\n\r\n"),
      sends(END),
    );
    const { events: followed, failure } = await followAll(server.url);
    expect(failure).toBeUndefined();
    expect(followed).toEqual([
      { event: "news", id: "7", data: "a\n b", encoding: undefined },
      { event: "message", id: "7", data: "", encoding: undefined },
      { event: "message", id: "7", data: "€", encoding: undefined },
    ]);
    expect(server.requests[0]!.fields.get("accept")).toBe("text/event-stream");
    expect(server.requests[0]!.fields.has("last-event-id")).toBe(false);
  });

  test("half of one is none, however the body ends", async () => {
    await using server = await FaultServer.start(
      events("id: 1\ndata: a\n\nid: 2\ndata: b\n"),
      breaks("id: 2\ndata: b\n\nid: 3\ndata: c"),
      events("id: 3\ndata: cc\n\n"),
      sends(END),
    );
    const { data, failure } = await followAll(server.url);
    expect([data, failure]).toEqual([["a", "b", "cc"], undefined]);
    expect(server.requests.map(({ fields }) => fields.get("last-event-id"))).toEqual([null, "1", "2", "3"]);
  });

  test("the id goes back as it came, in UTF-8, and that of the beginning, too", async () => {
    await using server = await FaultServer.start(events("id: €ü\ndata: a\n\n"), sends(END));
    await followAll(server.url, { after: "ä" });
    const ids = server.requests.map(({ fields }) => fields.get("last-event-id")!);
    expect(ids.map((id) => Buffer.from(id, "latin1").toString())).toEqual(["ä", "€ü"]);
  });

  test("an id without data is a place", async () => {
    await using server = await FaultServer.start(events("id: 5\n\n"), sends(END));
    expect((await followAll(server.url)).data).toEqual([]);
    expect(server.requests[1]!.fields.get("last-event-id")).toBe("5");
  });
});

describe("an answer", () => {
  test.each([
    [head(404), "refused", 404],
    [head(401), "refused", 401],
    [head(410), "gone", 410],
    [head(410, "Stream-Next-Offset: 12"), "trimmed", 410],
    [head(301), "refused", 301],
    [head(200, "Content-Type: text/html"), "no_events", 200],
    [head(206, "Content-Type: text/event-stream"), "refused", 206],
  ])("%j ends it: %s", async (answer, code, status) => {
    await using server = await FaultServer.start(sends(answer));
    const { failure } = await followAll(server.url);
    expect(failure).toBeInstanceOf(FollowError);
    expect(failure).toMatchObject({ code, status, streamFailed: false });
    expect(server.requests).toHaveLength(1);
  });

  test("204 is the end; with Stream-Failed that is a failure", async () => {
    await using server = await FaultServer.start(sends(head(204)));
    expect(await followAll(server.url)).toMatchObject({ data: [], failure: undefined });
    await using failed = await FaultServer.start(sends(head(204, "Stream-Failed: http_502")));
    expect((await followAll(failed.url)).failure).toMatchObject({ code: "http_502", streamFailed: true });
  });

  test("of 5xx, 429 and a connection that breaks is followed by another attempt", async () => {
    await using server = await FaultServer.start(
      sends(head(503)),
      (socket) => void socket.resetAndDestroy(),
      events("data: a\n\n"),
      sends(head(429)),
      sends(head(500)),
      sends(END),
    );
    const told: string[] = [];
    const { data, failure } = await followAll(server.url, { onRetry: ({ message }) => void told.push(message) });
    expect([data, failure]).toEqual([["a"], undefined]);
    expect(told).toEqual([
      "The server answered 503",
      "The server cannot be reached",
      "The server answered 429",
      "The server answered 500",
    ]);
  });

  test("gives up after so many failures in a row; what is new makes them forgotten", async () => {
    await using server = await FaultServer.start(
      sends(head(503)),
      sends(head(503)),
      breaks("data: a\n\n"),
      sends(head(503)),
      breaks(": no progress\n\n"),
    );
    const { data, failure } = await followAll(server.url);
    expect(data).toEqual(["a"]);
    expect(failure).toMatchObject({ code: "unreachable", cause: { message: "The connection broke" } });
    expect(server.requests).toHaveLength(5);
  });

  test("nobody listens: it says so in the end", async () => {
    const server = await FaultServer.start(sends(END));
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const { failure } = await followAll(url);
    expect(failure).toMatchObject({ code: "unreachable", cause: { message: "The server cannot be reached" } });
  });

  test("what is no request is thrown as it is, and not tried again", async () => {
    for (const options of [{ headers: { "a b": "c" } }, { body: "of a GET" }]) {
      const { failure } = await followAll("http://127.0.0.1:9/", options);
      expect(failure).toBeInstanceOf(TypeError);
    }
    expect((await followAll("/relative")).failure).toBeInstanceOf(TypeError);
  });
});

describe("the time until the next attempt", () => {
  /** When each request came, in ms. */
  function timed(...acts: Act[]): { times: number[]; acts: Act[] } {
    const times: number[] = [];
    const noting = acts.map((act): Act => (socket, request) => {
      times.push(performance.now());
      act(socket, request);
    });
    return { times, acts: noting };
  }

  test("is the server's retry:, after an end and after a cut", async () => {
    const { times, acts } = timed(events("retry: 150\n\ndata: a\n\n"), breaks("data: b\n\n"), sends(END));
    await using server = await FaultServer.start(...acts);
    expect((await followAll(server.url)).data).toEqual(["a", "b"]);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(145);
    expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(145);
  });

  test("is Retry-After, in seconds or until a date", async () => {
    const date = new Date(Date.now() + 2000).toUTCString();
    const { times, acts } = timed(
      sends(head(503, "Retry-After: 1")),
      sends(head(503, `Retry-After: ${date}`)),
      sends(END),
    );
    await using server = await FaultServer.start(...acts);
    expect((await followAll(server.url)).failure).toBeUndefined();
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(995);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(date));
  });

  test("of hours ends it", async () => {
    await using server = await FaultServer.start(sends(head(503, "Retry-After: 7200")));
    expect((await followAll(server.url)).failure).toMatchObject({ code: "unreachable" });
  });

  test("doubles, up to a limit, a part of it at random", async () => {
    await using server = await FaultServer.start(sends(head(502)));
    const delays: number[] = [];
    const onRetry = (_error: Error, delayMs: number): void => void delays.push(delayMs);
    await followAll(server.url, { reconnectionMs: 2, maxDelayMs: 10, retries: 6, onRetry });
    expect(delays).toHaveLength(6);
    for (const [index, base] of [2, 4, 8, 10, 10, 10].entries()) {
      expect(delays[index]).toBeGreaterThanOrEqual(base);
      expect(delays[index]).toBeLessThanOrEqual(base * 1.5);
    }
    expect(new Set(delays.slice(3)).size).toBe(3);
  });

  test("a connection that has stood long enough is replaced at once when it ends", async () => {
    const { times, acts } = timed((socket) => {
      socket.write(EVENTS);
      setTimeout(() => socket.end(), 700);
    }, sends(END));
    await using server = await FaultServer.start(...acts);
    await followAll(server.url, { reconnectionMs: 400 });
    expect(times[1]! - times[0]!).toBeLessThan(1000);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(695);
  });
});

describe("a silent server", () => {
  test("is taken for dead, before its answer and in its body, and asked again", async () => {
    await using server = await FaultServer.start(() => {}, holds("id: 1\ndata: a\n\n"), sends(END));
    const told: string[] = [];
    const options = { idleTimeoutMs: 60, onRetry: ({ message }: Error): void => void told.push(message) };
    const { data, failure } = await followAll(server.url, options);
    expect([data, failure]).toEqual([["a"], undefined]);
    expect(told).toEqual(["Nothing has come for 0.06 s", "Nothing has come for 0.06 s"]);
    expect(server.requests[2]!.fields.get("last-event-id")).toBe("1");
  });

  test("comments show that it is there", async () => {
    let timer: NodeJS.Timeout | undefined;
    await using server = await FaultServer.start((socket) => {
      socket.write(EVENTS);
      let count = 0;
      timer = setInterval(() => {
        if (++count < 30) return socket.write(": keep-alive\n\n");
        return socket.write("data: at last\n\n");
      }, 50);
    });
    for await (const { data } of follow(server.url, { ...QUICK, idleTimeoutMs: 1000 })) {
      expect(data).toBe("at last");
      break;
    }
    clearInterval(timer);
    expect(server.requests).toHaveLength(1);
  });

  test("the time that its reader takes is not the server's", async () => {
    await using server = await FaultServer.start(holds("id: 1\ndata: a\n\n"), sends(END));
    const stream = follow(server.url, { ...QUICK, idleTimeoutMs: 50 });
    await stream.next();
    // Longer than the server may be silent.
    const until = performance.now() + 120;
    while (performance.now() < until) await setImmediate();
    expect(server.requests).toHaveLength(1);
    expect(await within(stream.next(), "the end")).toMatchObject({ done: true });
  });
});

describe("ending it", () => {
  const reason = new Error("enough");

  test.each<[string, Act, eventsBefore: number]>([
    ["before the answer", () => {}, 0],
    ["in the body", holds("data: a\n\n"), 1],
    ["between two attempts", sends(head(503, "Retry-After: 60")), 0],
  ])("a signal aborts it %s, with its reason, and nothing stays open", async (where, act, eventsBefore) => {
    const sockets: Socket[] = [];
    await using server = await FaultServer.start((socket, request) => {
      sockets.push(socket);
      act(socket, request);
    });
    const controller = new AbortController();
    let isBetween = false;
    const stream = follow(server.url, { signal: controller.signal, onRetry: () => (isBetween = true) });
    for (let count = 0; count < eventsBefore; count++) await within(stream.next(), "an event");
    const next = stream.next();
    next.catch(() => {});
    await until(() => sockets.length === 1 && (isBetween || where !== "between two attempts"), "the request");
    controller.abort(reason);
    await expect(within(next, "the abort")).rejects.toBe(reason);
    await until(() => sockets[0]!.destroyed, "the end of the connection");
    expect(server.requests).toHaveLength(1);
  });

  test("a signal that is aborted while an event is dealt with lets no other one come", async () => {
    await using server = await FaultServer.start(events("data: a\n\ndata: b\n\n"));
    const controller = new AbortController();
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      for await (const { data } of follow(server.url, { signal: controller.signal })) {
        seen.push(data);
        controller.abort(reason);
      }
    };
    await expect(within(run(), "the abort")).rejects.toBe(reason);
    expect(seen).toEqual(["a"]);
  });

  test("a signal that is aborted already lets no request be sent", async () => {
    await using server = await FaultServer.start(events("data: a\n\n"));
    const { failure } = await followAll(server.url, { signal: AbortSignal.abort(reason) });
    expect([failure, server.requests.length]).toEqual([reason, 0]);
  });

  test("leaving the loop closes the connection, and leaves no listener at the signal", async () => {
    const sockets: Socket[] = [];
    await using server = await FaultServer.start((socket, request) => {
      sockets.push(socket);
      holds("data: a\n\ndata: b\n\n")(socket, request);
    });
    const { signal } = new AbortController();
    let listeners = 0;
    const count = (name: "addEventListener" | "removeEventListener", change: number): void => {
      const own = signal[name].bind(signal);
      signal[name] = (type: string, ...rest: [never]) => {
        listeners += change;
        own(type, ...rest);
      };
    };
    count("addEventListener", 1);
    count("removeEventListener", -1);
    for await (const { data } of follow(server.url, { signal })) {
      expect([data, listeners]).toEqual(["a", 1]);
      break;
    }
    await until(() => sockets[0]!.destroyed, "the end of the connection");
    expect(listeners).toBe(0);
  });
});

test("nothing is read ahead of who deals with the events", { timeout: 30_000 }, async () => {
  const FRAME = `data: ${"x".repeat(1000)}\n\n`;
  const COUNT = 50_000;
  let sent = 0;
  function* frames(): Generator<string> {
    for (; sent < COUNT; sent++) yield FRAME;
    yield "event: end\ndata: x\n\n";
  }
  await using server = await startHttp((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    Readable.from(frames(), { highWaterMark: 1 }).pipe(response);
  });
  const stream = follow(server.url, QUICK);
  await within(stream.next(), "the first event");
  const before = await settled(() => sent, "what the server could send");
  // The kernel's buffers and those of fetch: not the 50 MB that there are.
  expect(before).toBeLessThan(COUNT / 4);
  let count = 1;
  for await (const { event } of stream) {
    if (event === "end") break;
    count++;
  }
  expect(count).toBe(COUNT);
});

describe("a request of another method", () => {
  interface Asked {
    readonly method: string | undefined;
    readonly body: string;
    readonly id: string | undefined;
  }

  /** Answers each request with one of the bodies; after the last with 204. `…` at its end breaks it off. */
  async function startPost(...bodies: string[]): Promise<{ url: string; asked: Asked[] } & AsyncDisposable> {
    const asked: Asked[] = [];
    const answerNext = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = bodies[asked.length];
      asked.push({
        method: request.method,
        body: Buffer.concat(chunks).toString(),
        id: request.headers["last-event-id"] as string | undefined,
      });
      if (answer === undefined) return void response.writeHead(204).end();
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      if (!answer.endsWith("…")) return void response.end(answer);
      response.write(answer.slice(0, -1), () => response.destroy());
    };
    const server = await startHttp((request, response) => void answerNext(request, response));
    return { url: server.url, asked, [Symbol.asyncDispose]: () => server.close() };
  }
  const post = { method: "post", body: '{"stream":true}', headers: { "Content-Type": "application/json" } };

  test("is sent again, with its body, behind an id", async () => {
    await using server = await startPost("id: 1\ndata: a\n\n…", "id: 2\ndata: b\n\n");
    const { data, failure } = await followAll(server.url, post);
    expect([data, failure]).toEqual([["a", "b"], undefined]);
    const { body } = post;
    expect(server.asked).toEqual([
      { method: "POST", body, id: undefined },
      { method: "POST", body, id: "1" },
      { method: "POST", body, id: "2" },
    ]);
  });

  test("without an id it is never sent twice: the end is the end, and a cut is told", async () => {
    await using server = await startPost("data: a\n\ndata: [DONE]\n\n");
    expect(await followAll(server.url, post)).toMatchObject({ data: ["a", "[DONE]"], failure: undefined });
    await using broken = await startPost("data: a\n\n…");
    const { data, failure } = await followAll(broken.url, post);
    expect([data, failure]).toEqual([["a"], expect.objectContaining({ code: "interrupted" })]);
    expect([server.asked.length, broken.asked.length]).toEqual([1, 1]);
  });
});

test("a fetch of one's own sees each request, and may change it", async () => {
  await using server = await FaultServer.start(events("data: a\n\n"), sends(END));
  let tokens = 0;
  await followAll(server.url, {
    headers: { "X-Own": "1" },
    fetch: (request) => {
      request.headers.set("authorization", `Bearer ${++tokens}`);
      return fetch(request);
    },
  });
  expect(server.requests.map(({ fields }) => [fields.get("x-own"), fields.get("authorization")])).toEqual([
    ["1", "Bearer 1"],
    ["1", "Bearer 2"],
  ]);
});
