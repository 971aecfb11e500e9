import { describe, expect, test } from "vitest";
import { type FollowOptions, type FollowedEvent, follow } from "../../src/client/index.ts";
import { durableFraming, eventFraming } from "../../src/streams/frames.ts";
import { until, within } from "../helpers/deadline.ts";
import { startStreams } from "./streams-server.ts";
import { FaultServer, head, sends } from "./support.ts";

const QUICK: FollowOptions = { reconnectionMs: 1, maxDelayMs: 2, retries: 2 };
const EVENTS = head(200, "Content-Type: text/event-stream");
const HEAD_OF_JSON = head(200, "Content-Type: application/json; charset=utf-8", "Stream-Next-Offset: 9");

interface Followed {
  readonly events: FollowedEvent[];
  readonly data: string[];
  readonly failure: unknown;
}

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

/** How it is asked for: by the protocol, message by message, and where only the protocol has events. */
const WAYS = ["?live=sse", "", "foreign"] as const;

function startFor(way: (typeof WAYS)[number], options: Parameters<typeof startStreams>[0] = {}) {
  if (way !== "foreign") return startStreams(options);
  return startStreams({
    ...options,
    front(request, next) {
      const answer = (asked: Request): Promise<Response> => options.front?.(asked, next) ?? next(asked);
      if (request.method !== "GET" || new URL(request.url).searchParams.has("live")) return answer(request);
      const headers = new Headers(request.headers);
      headers.delete("accept");
      return answer(new Request(request.url, { headers }));
    },
  });
}

const queryOf = (way: (typeof WAYS)[number]): string => (way === "foreign" ? "" : way);

describe.each(WAYS)("a Durable Stream (%s)", (way) => {
  test("of JSON: each message by itself, as it was written, until it is closed", async () => {
    await using server = await startFor(way);
    const url = server.url("a/b");
    await fetch(url, { method: "PUT", headers: { "Content-Type": "application/json" } });
    const post = (body: string, closed = false): Promise<Response> =>
      fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Stream-Closed": String(closed) },
        body,
      });
    await post('[1.10, {"a":"],["}, [[]]]');
    const seen: FollowedEvent[] = [];
    for await (const event of follow(url + queryOf(way), QUICK)) {
      seen.push(event);
      if (seen.length === 3) await post("12345678901234567890");
      if (seen.length === 4) await post('["€"]', true);
    }
    expect(seen.map(({ data }) => data)).toEqual(["1.10", '{"a":"],["}', "[[]]", "12345678901234567890", '"€"']);
    expect(new Set(seen.map(({ event }) => event))).toEqual(new Set(["message"]));
  });

  test("goes on behind any event's id, without a gap", async () => {
    await using server = await startFor(way);
    await server.streams.append("s", [1, 2]);
    await server.streams.append("s", [3, 4], { close: true });
    const url = server.url("s") + queryOf(way);
    const { events, data } = await followAll(url);
    expect(data).toEqual(["1", "2", "3", "4"]);
    for (const [index, { id }] of events.entries()) {
      const rest = (await followAll(url, { after: id })).data;
      // Of a batch that was begun, all comes again.
      const expected = data.slice(way === "" || index === 3 ? index + 1 : 0);
      expect(rest).toEqual(expected);
    }
    expect((await followAll(url, { after: "-1" })).data).toEqual(data);
  });

  test("closed as failed: all that came before, then its code", async () => {
    await using server = await startFor(way);
    await server.streams.append("s", ["last"], { failure: "http_502" });
    const { data, failure } = await followAll(server.url("s") + queryOf(way));
    expect(data).toEqual(['"last"']);
    expect(failure).toMatchObject({ name: "FollowError", code: "http_502", streamFailed: true });
  });

  test("from now on: what comes after the first request, also where the connection is cut before it", async () => {
    let isCut = false;
    await using server = await startFor(way, {
      front: async (request, next) => {
        if (isCut || request.method === "HEAD") return next(request);
        isCut = true;
        await server.streams.append("s", ["while it was away"]);
        return new Response(null, { status: 503 });
      },
    });
    await server.streams.append("s", ["before"]);
    const url = server.url("s") + queryOf(way);
    const stream = follow(url, { ...QUICK, after: "now" });
    expect((await within(stream.next(), "an event")).value).toMatchObject({ data: '"while it was away"' });
    await stream.return(undefined);
    expect(isCut).toBe(true);
  });

  test("of text and of bytes", async () => {
    await using server = await startFor(way);
    const text = "one\n two €\n";
    await server.streams.append("t", [text], { contentType: "text/plain", close: true });
    const bytes = Uint8Array.from([0, 255, 10, 13]);
    await server.streams.append("b", [bytes], { contentType: "image/png", close: true });
    expect(await followAll(server.url("t") + queryOf(way))).toMatchObject({
      events: [{ data: text, encoding: undefined }],
      failure: undefined,
    });
    expect(await followAll(server.url("b") + queryOf(way))).toMatchObject({
      events: [{ data: Buffer.from(bytes).toString("base64"), encoding: "base64" }],
      failure: undefined,
    });
  });

  test("that was trimmed, deleted, or never there", async () => {
    await using server = await startFor(way);
    await server.streams.append("s", ["a", "b"]);
    const { log, streams } = server;
    const query = queryOf(way);
    const after = "0000000000000000_0000000000000000";
    expect((await within(follow(server.url("s") + query, { after }).next(), "an event")).done).toBe(false);
    await log.trim("s", { maxMessages: 1 });
    expect((await followAll(server.url("s") + query, { after })).failure).toMatchObject({ code: "trimmed" });
    await streams.remove("s");
    expect((await followAll(server.url("s") + query)).failure).toMatchObject({ code: "refused", status: 404 });
  });

  test("that is deleted under who follows it", async () => {
    await using server = await startFor(way);
    const { streams } = server;
    await streams.append("s", ["a"]);
    const stream = follow(server.url("s") + queryOf(way), QUICK);
    await within(stream.next(), "an event");
    const next = stream.next();
    next.catch(() => {});
    await streams.remove("s");
    await expect(within(next, "the end")).rejects.toMatchObject({ code: "refused", status: 404 });
  });
});

test.each(["?live=sse", ""])("a reader that is trimmed away is told (%s)", async (query) => {
  const framing = query === "" ? eventFraming : durableFraming;
  const info = { config: { contentType: "text/plain" }, generation: "g", first: 5, next: 9, closed: false };
  const acts = [sends(EVENTS, framing.trimmed(info)), sends(head(204))];
  await using server = await FaultServer.start(...(query === "" ? acts : [sends(HEAD_OF_JSON), ...acts]));
  const { data, failure } = await followAll(`${server.url}/s${query}`);
  expect([data, failure]).toEqual([[], expect.objectContaining({ code: "trimmed", streamFailed: false })]);
});

test("a server that ends its connections again and again is followed on, at once, also where nothing comes", async () => {
  await using server = await startStreams({ sseMaxAgeMs: 30 });
  await server.streams.append("s", [1]);
  const stream = follow(`${server.url("s")}?live=sse`, { reconnectionMs: 1, retries: 0 });
  await within(stream.next(), "an event");
  const next = stream.next();
  await until(() => server.asked.length > 6, "connections");
  await server.streams.append("s", [2]);
  expect((await within(next, "the next one")).value).toMatchObject({ data: "2" });
  await stream.return(undefined);
  // The cursor goes back as it came.
  expect(server.asked.at(-1)).toMatch(/^GET \/v1\/stream\/s\?live=sse&offset=[\d_]+&cursor=\d+$/u);
});

describe("a server that gives no ids with its data", () => {
  const control = (offset: string, more: object = {}): string =>
    `event: control\ndata: ${JSON.stringify({ streamNextOffset: offset, streamCursor: "c", ...more })}\n\n`;

  test("a batch counts only with the control behind it", async () => {
    await using server = await FaultServer.start(
      sends(HEAD_OF_JSON),
      // Two batches before one control, and half of a third.
      sends(
        EVENTS,
        "event: data\ndata: [1,2]\n\nevent: data\ndata: [3]\n\n",
        control("b"),
        "event: data\ndata: [4]\n\n",
      ),
      sends(EVENTS, "event: data\ndata: [4]\n\n", control("c", { streamClosed: true })),
    );
    const { events, failure } = await followAll(`${server.url}/s?live=sse&offset=a&own=1`);
    expect(failure).toBeUndefined();
    expect(events.map(({ data, id }) => [data, id])).toEqual([
      ["1", "a"],
      ["2", "a"],
      ["3", "b"],
      ["4", "c"],
    ]);
    expect(server.requests.map(({ target }) => target)).toEqual([
      "/s?own=1",
      "/s?live=sse&offset=a&own=1",
      "/s?live=sse&offset=b&own=1&cursor=c",
    ]);
    expect(server.requests.some(({ fields }) => fields.has("last-event-id"))).toBe(false);
  });

  test.each(["{", "null", "[]", "{}"])("a control of %j is malformed", async (json) => {
    await using server = await FaultServer.start(
      sends(HEAD_OF_JSON),
      sends(EVENTS, "event: data\ndata: [1]\n\n", `event: control\ndata: ${json}\n\n`),
    );
    const { data, failure } = await followAll(`${server.url}/s?live=sse`);
    expect([data, failure]).toEqual([[], expect.objectContaining({ code: "malformed" })]);
  });

  test("what is no Durable Stream is told from its head", async () => {
    await using server = await FaultServer.start(sends(head(200, "Content-Type: text/html")));
    expect((await followAll(`${server.url}/?live=sse`)).failure).toMatchObject({ code: "no_events" });
  });
});

test("of several streams, those of bytes are told apart from those of text", async () => {
  await using server = await startStreams();
  const bytes = Uint8Array.from([0, 255, 10, 13]);
  await server.streams.append("a text", ["one"], { contentType: "text/plain", close: true });
  await server.streams.append("bytes", [bytes], { contentType: "image/png", close: true });
  const { events } = await followAll(`${server.origin}/v1/stream/?stream=a%20text&stream=bytes`);
  const told = events.map(({ event, data, encoding }) => ({ event, data, encoding }));
  expect(told.toSorted((one, other) => one.event.localeCompare(other.event))).toEqual([
    { event: "a%20text", data: "one", encoding: undefined },
    { event: "bytes", data: Buffer.from(bytes).toString("base64"), encoding: "base64" },
  ]);
});
