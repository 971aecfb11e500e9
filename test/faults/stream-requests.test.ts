import { type IncomingMessage, request as requestHttp } from "node:http";
import { constantFrom, dictionary, oneof, string, assert as assertProperty, asyncProperty } from "fast-check";
import { describe, expect, test } from "vitest";
import { within } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader } from "../streams/support/event-reader.ts";
import { type Rig, startStreams } from "../streams/support/rig.ts";

watchReports();

interface Sent {
  method?: string;
  fields?: Record<string, string>;
  body?: string | Uint8Array;
}

/** Without the help of `fetch`, which has its own mind of fields. The body is not waited for. */
function send(
  url: string,
  { method = "GET", fields = {}, body }: Sent,
): Promise<{ status: number; headers: IncomingMessage["headers"] }> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const request = requestHttp(url, { method, agent: false, headers: fields }, resolve);
    request.on("error", reject);
    request.end(body);
  });
  return within(
    answer.then((message) => {
      message.on("error", () => {});
      message.destroy();
      return { status: message.statusCode!, headers: message.headers };
    }),
    `the answer to ${method} ${url}`,
  );
}

const text = { "Content-Type": "text/plain" };

describe("a message that is too large", () => {
  test.each([
    ["announced", { "Content-Length": "1001" }],
    ["in chunks", { "Transfer-Encoding": "chunked" }],
  ])("is 413, and nothing of it is kept: %s", async (_how, framing) => {
    await using rig = await startStreams({ maxMessageBytes: 1_000 });
    await rig.put("s", "text/plain");
    for (const method of ["POST", "PUT"]) {
      const url = rig.url(method === "PUT" ? "new" : "s");
      const fields = { ...text, ...framing };
      expect((await send(url, { method, fields, body: "x".repeat(1_001) })).status, method).toBe(413);
    }
    expect((await fetch(rig.url("new"))).status).toBe(404);
    expect((await send(rig.url("s"), { method: "POST", fields: text, body: "y".repeat(1_000) })).status).toBe(204);
    expect(await (await fetch(rig.url("s"))).text()).toBe("y".repeat(1_000));
  });

  test("is 413 before it has been sent", async () => {
    await using rig = await startStreams({ maxMessageBytes: 1_000 });
    await rig.put("s", "text/plain");
    using client = await RawClient.connect(rig.server.port);
    client.request("POST", "/v1/stream/s", "Content-Type: text/plain", "Content-Length: 100000000");
    await client.readUntil("413");
  });
});

describe("a stream's name", () => {
  const names = [
    "plain",
    "a/b/c",
    "/leading and trailing/",
    "a//b",
    "100%",
    "%2F",
    "a?b#c&d=e+f",
    "two words",
    "\"quotes\" and 'others' `too`",
    "<script>",
    "back\\slash",
    "ümläut 😀 \u202e",
    "line\nend\r\0",
    "~!*()",
    "...",
    "__proto__",
    "stream=a&stream=b",
    `${"very ".repeat(1_000)}long`,
  ];
  test.each(names.map((name) => [name.slice(0, 40), name]))("may be %j", async (_start, name) => {
    await using rig = await startStreams();
    await rig.put(name, "text/plain");
    expect((await send(rig.url(name), { method: "POST", fields: text, body: "one" })).status).toBe(204);
    const page = await fetch(rig.url(name));
    expect([page.status, await page.text()]).toEqual([200, "one"]);
    expect(await rig.log.list("")).toEqual([name]);
    // What is written in this process is the same stream.
    await rig.streams.append(name, ["two"], { contentType: "text/plain", close: true });
    const reader = new EventReader(rig.url(name));
    await reader.connect();
    expect(reader.data).toEqual(["one", "two"]);
    const merged = new EventReader(`${rig.server.url}/v1/stream?stream=${encodeURIComponent(name)}`);
    await merged.connect();
    expect(merged.told.map(({ event }) => event)).toEqual([encodeURIComponent(name), encodeURIComponent(name)]);
    const fork = { ...text, "Stream-Forked-From": new URL(rig.url(name)).pathname };
    expect((await send(rig.url("fork"), { method: "PUT", fields: fork })).status).toBe(201);
    expect((await send(rig.url(name), { method: "DELETE" })).status).toBe(204);
    expect((await send(rig.url(name), { method: "HEAD" })).status).toBe(410);
  });

  test("may be any text", async () => {
    await using rig = await startStreams();
    await assertProperty(
      asyncProperty(string({ unit: "binary", minLength: 1, maxLength: 40 }), async (name) => {
        // A path's dots are taken away by every client, whatever is before them.
        if (name.split(/[/\\]/u).some((part) => /^\.{1,2}$/u.test(part))) return;
        await rig.streams.append(name, [name]);
        expect(await (await fetch(rig.url(name))).json()).toEqual([name]);
        expect((await fetch(rig.url(name), { method: "DELETE" })).status).toBe(204);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["/v1/stream/", 404],
    ["/v1/stream", 404],
    ["/v1/streams/s", 404],
    ["/", 404],
    ["/v1/stream/%", 400],
    ["/v1/stream/%ff", 400],
    ["/v1/stream/%c3", 400],
    ["/v1/stream/%ed%a0%80", 400],
    ["/v1/stream/\u00ff", 400],
    ["//v1/stream/s", 404],
    ["/v1/stream/../../etc/passwd", 404],
    ["/v1/stream/s?offset=%ff", 400],
    ["/v1/stream/?stream=%ff", 404],
    ["/v1/stream/?stream=", 404],
    ["*", 404],
  ])("is asked for at an address: %s is %i", async (target, status) => {
    await using rig = await startStreams();
    await rig.put("s", "text/plain");
    using client = await RawClient.connect(rig.server.port);
    client.get(target);
    const [answer] = await client.readAnswers(1);
    expect(answer!.status).toBe(status);
  });
});

describe("a field that is malformed is 400, and changes nothing", () => {
  const numbers = [
    "",
    " ",
    "-1",
    "+1",
    "01",
    "1.0",
    "1e3",
    "0x1",
    "1 2",
    "1,2",
    "abc",
    "9007199254740992",
    "9".repeat(400),
    "\u00b2",
  ];
  const offsets = [
    "0",
    "-1",
    "now",
    "abc",
    "0000000000000000_000000000000000",
    "0000000000000000_0000000000000000!",
    "\u00e9",
  ];
  const producer = { "Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0" };
  const fork = { "Stream-Forked-From": "/v1/stream/s", "Stream-Fork-Offset": "0000000000000000_0000000000000000" };

  test.each<[method: string, field: string, values: string[], beside?: Record<string, string>]>([
    ["PUT", "Stream-TTL", numbers],
    [
      "PUT",
      "Stream-Expires-At",
      [
        "",
        "tomorrow",
        "1700000000",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "2030-01-32T00:00:00Z",
        "2030-01-01T25:00:00Z",
        "2030-01-01T00:00:00+25:00",
        "+012030-01-01T00:00:00Z",
        "2030-01-01 00:00:00Z",
      ],
    ],
    ["PUT", "Stream-Forked-From", ["", "/", "/v1/stream/", "s", "/v1/stream/%ff", "/other/s", "\u00e9"]],
    ["PUT", "Stream-Fork-Offset", ["", ...offsets], { "Stream-Forked-From": "/v1/stream/s" }],
    ["PUT", "Stream-Fork-Offset", ["0000000000000000_0000000000000000"]],
    ["PUT", "Stream-Fork-Sub-Offset", numbers, fork],
    ["POST", "Producer-Id", [""], producer],
    ["POST", "Producer-Epoch", numbers, producer],
    ["POST", "Producer-Seq", numbers, producer],
    ["POST", "Content-Type", ["", " "]],
    ["GET", "Last-Event-ID", offsets.slice(0, 4), { Accept: "text/event-stream" }],
  ])("%s with %s", async (method, field, values, beside = {}) => {
    await using rig = await startStreams();
    await rig.put("s", "text/plain");
    const url = rig.url(method === "PUT" ? "new" : "s");
    const body = method === "POST" ? "one" : undefined;
    for (const value of values) {
      const fields = { ...(method === "POST" ? text : {}), ...beside, [field]: value };
      const { status } = await send(url, { method, fields, ...(body === undefined ? {} : { body }) });
      expect(status, JSON.stringify(value)).toBe(400);
    }
    expect((await fetch(rig.url("new"))).status).toBe(404);
    expect(await (await fetch(rig.url("s"))).text()).toBe("");
  });

  test.each(["offset", "live", "stream"])("as is the query's %s", async (name) => {
    await using rig = await startStreams();
    await rig.put("s", "text/plain");
    const values = ["", " ", "0", "-2", "NOW", "abc", "%00", "%ff", "😀", "0000000000000000_000000000000000a"];
    for (const value of values) {
      const url = `${rig.url("s")}?${name === "live" ? "offset=-1&" : ""}${name}=${value}`;
      // `stream` is a stream's own business only where there is no name in the path.
      expect((await send(url, {})).status, url).toBe(name === "stream" ? 200 : 400);
    }
  });
});

describe("any fields at all", () => {
  const FIELDS = [
    "Accept",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Producer-Epoch",
    "Producer-Id",
    "Producer-Seq",
    "Range",
    "Stream-Closed",
    "Stream-Cursor",
    "Stream-Expires-At",
    "Stream-Failed",
    "Stream-Fork-Offset",
    "Stream-Fork-Sub-Offset",
    "Stream-Forked-From",
    "Stream-Next-Offset",
    "Stream-Public",
    "Stream-Seq",
    "Stream-TTL",
  ] as const;
  const plausible = constantFrom(
    "",
    "0",
    "1",
    "true",
    "TRUE",
    "60",
    "p",
    "text/plain",
    "application/json",
    "APPLICATION/JSON ; charset=utf-8",
    "text/event-stream",
    "*/*",
    "application/octet-stream",
    "2031-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "/v1/stream/s",
    "0000000000000000_0000000000000003",
    "9999999999999999_9999999999999999",
    '"a", W/"b"',
    "*",
    "gzip",
    "bytes=0-1",
  );
  // What a field's value may have at all (RFC 9110 §5.5).
  const wild = string({
    unit: oneof(
      constantFrom("\t", '"', ";", ",", "=", "/", "%"),
      constantFrom(...range(0x20, 0x7e), ...range(0x80, 0xff)),
    ),
    maxLength: 30,
  });
  const fields = dictionary(constantFrom(...FIELDS), oneof(plausible, wild), { maxKeys: 6 });
  const method = constantFrom("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH");
  const body = constantFrom("", "[]", "[1,2]", "not JSON", "\ufeff{}", "x".repeat(2_000));
  const query = constantFrom(
    "",
    "offset=-1",
    "offset=now",
    "offset=-1&live=long-poll&cursor=a",
    "offset=now&live=long-poll&cursor=9007199254740993",
    "offset=-1&live=sse&cursor=-1",
    "offset=now&live=sse",
    "stream=a&stream=b",
  );

  function range(from: number, to: number): string[] {
    return Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));
  }

  async function expectAnswer(rig: Rig, name: string, sent: Sent, target: string): Promise<void> {
    const { status } = await send(rig.url(name, target), sent);
    expect(status, JSON.stringify([sent, target])).toBeGreaterThanOrEqual(200);
    expect(status, JSON.stringify([sent, target])).toBeLessThan(500);
  }

  const name = constantFrom("s", "any");

  test(
    "are answered, and never with 500; and so is who asks for what they have made",
    { timeout: 60_000 },
    async () => {
      await using rig = await startStreams({ maxMessageBytes: 1_000, longPollTimeoutMs: 5 });
      const first = {
        config: { contentType: "text/plain" },
        messages: [new TextEncoder().encode("one")],
        closed: false,
      };
      await assertProperty(
        asyncProperty(name, method, fields, body, query, async (of, how, given, content, target) => {
          await rig.log.delete("any");
          await rig.log.create("s", first);
          const hasBody = how === "PUT" || how === "POST" || how === "PATCH";
          await expectAnswer(rig, of, { method: how, fields: given, ...(hasBody ? { body: content } : {}) }, target);
          for (const later of [{ method: "HEAD" }, {}, { fields: { Accept: "text/event-stream" } }]) {
            await expectAnswer(rig, of, later, "");
          }
        }),
        { numRuns: 600 },
      );
      await rig.untilUnwatched();
    },
  );
});
