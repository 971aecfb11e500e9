import { describe, expect, test } from "vitest";
import { type FollowOptions, follow } from "../../src/client/index.ts";
import { until, within } from "../helpers/deadline.ts";
import { startCutter } from "../helpers/cutting-proxy.ts";
import { startHttp } from "../helpers/servers.ts";
import { startStreams } from "./streams-server.ts";

const QUICK: FollowOptions = { reconnectionMs: 0, maxDelayMs: 0, retries: 5 };
const QUERIES = ["?live=sse", ""];

async function dataOf(url: string, options: FollowOptions = QUICK): Promise<string[]> {
  const data: string[] = [];
  for await (const event of follow(url, options)) data.push(event.data);
  return data;
}

describe.each(QUERIES)("a Durable Stream (%s)", (query) => {
  test("cut once, behind any byte of its answer, comes whole, each message once", { timeout: 60_000 }, async () => {
    await using server = await startStreams();
    const { streams } = server;
    const messages = ["€ and\nmore", { x: [4] }];
    for (const message of messages) await streams.append("s", [message, message]);
    await streams.append("s", [], { close: true });
    const expected = messages.flatMap((message) => [JSON.stringify(message), JSON.stringify(message)]);
    const url = server.url("s") + query;
    const response = await fetch(url, { headers: { Accept: "text/event-stream" } });
    const bodyBytes = Buffer.byteLength(await response.text());
    let at = 0;
    for (let isCut = true; isCut;) {
      // Every byte in some runs.
      at += Math.ceil(Math.random() * 5);
      let connections = 0;
      await using cutter = await startCutter(server.origin, () => (connections++ === 0 ? at : Infinity));
      const data = await within(dataOf(url.replace(server.origin, cutter.url)), `the messages, cut at ${at}`);
      expect([at, data]).toEqual([at, expected]);
      isCut = cutter.cuts > 0;
    }
    expect(at).toBeGreaterThan(bodyBytes);
  });

  test("10,000 messages come through many cuts, each once and in order", { timeout: 60_000 }, async () => {
    const COUNT = 10_000;
    await using server = await startStreams({ sseMaxAgeMs: 300, maxPageBytes: 1024 });
    await server.streams.append("s", [0]);
    // From a part of a head to some pages.
    await using cutter = await startCutter(server.origin, () => Math.ceil(Math.random() ** 3 * 6000));
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      const url = server.url("s").replace(server.origin, cutter.url) + query;
      for await (const { data } of follow(url, { ...QUICK, retries: 100 })) seen.push(Number(data));
    };
    const write = async (): Promise<void> => {
      for (let next = 1; next < COUNT; next += 20) {
        const messages = Array.from({ length: Math.min(20, COUNT - next) }, (_, index) => next + index);
        await server.streams.append("s", messages);
        // A part of them while its reader is at the end, the rest while he is behind.
        if (next < COUNT / 4) await until(() => seen.length >= next - 200, "the reader");
      }
      await server.streams.append("s", [], { close: true });
    };
    await within(Promise.all([read(), write()]), "all messages", 50_000);
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, index) => index));

    expect(cutter.cuts).toBeGreaterThan(20);
  });
});

test("an event stream that ends cleanly behind any byte comes whole, too", { timeout: 60_000 }, async () => {
  const frames = ["id: 1\ndata: a\n\n", "id: 2\r\ndata: €\r\ndata\r\n\r\n", ": x\n\nid: 3\nevent: e\ndata: c\n\n"];
  let at = 0;
  let requests = 0;
  await using server = await startHttp((request, response) => {
    const from = Number(request.headers["last-event-id"] ?? 0);
    if (from === frames.length) return response.writeHead(204).end();
    const body = Buffer.from(frames.slice(from).join(""));
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    return response.end(requests++ === 0 ? body.subarray(0, at) : body);
  });
  for (at = 0; at <= Buffer.byteLength(frames.join("")); at++) {
    requests = 0;
    expect([at, await within(dataOf(server.url), `the events, ended at ${at}`)]).toEqual([at, ["a", "€\n", "c"]]);
  }
});
