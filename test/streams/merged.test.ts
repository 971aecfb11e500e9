import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../faults/support/random.ts";
import type { Puller } from "../../src/core/puller.ts";
import { MergedReader } from "../../src/streams/merged-reader.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader } from "./support/event-reader.ts";
import { type Rig, overLog, startStreams } from "./support/rig.ts";

const reports = watchReports();

function merged(rig: Rig, names: readonly string[], query = ""): string {
  return `${rig.server.url}/v1/stream/?${names.map((name) => `stream=${encodeURIComponent(name)}`).join("&")}${query}`;
}

describe("several streams on a connection", () => {
  test("are told apart by the events' types, and have the places in all of them for an id", async () => {
    await using rig = await startStreams();
    const names = ["news", "a/b c", "ü\n:", "d", "e", "f"];
    for (const name of names) await rig.put(name, "application/json");
    using reader = new EventReader(merged(rig, names));
    void reader.follow();
    await until(() => rig.watchers === names.length, "a reader at all ends");
    await until(() => reader.lastEventId.includes("~"), "an id before any event");
    const places = new Map<string, string>();
    const start = reader.lastEventId.split("~");
    expect(start).toHaveLength(names.length);
    for (const [index, name] of names.entries()) {
      places.set(name, await rig.streams.append(name, [{ of: name }]));
      await reader.sees(index + 1);
    }
    expect(reader.told).toEqual(
      names.map((name, index) => ({
        event: encodeURIComponent(name),
        id: names.map((other, at) => (at <= index ? places.get(other) : start[at])).join("~"),
        data: JSON.stringify({ of: name }),
      })),
    );
  });

  test("may be one, and the same one twice", async () => {
    await using rig = await startStreams();
    await rig.streams.append("a", [1, 2], { close: true });
    for (const names of [["a"], ["a", "a"]]) {
      const reader = new EventReader(merged(rig, names));
      expect(await reader.follow()).toBe(204);
      expect(reader.data.toSorted()).toEqual(["1", "2"].flatMap((data) => names.map(() => data)));
    }
  });

  test("keep what looks like an id in a message", async () => {
    await using rig = await startStreams();
    await rig.put("a", "text/plain");
    const texts = [
      "id: 1",
      "x\nid: 2\nevent: b",
      "x\u2028id: 3",
      "x\u2029id: 4\u2028",
      "\u2028id: 5",
      "id: 6!\nevent: error\ndata: {",
    ];
    await rig.streams.append("a", texts, { contentType: "text/plain", close: true });
    const reader = new EventReader(merged(rig, ["a"]));
    await reader.connect();
    expect(reader.data).toEqual(texts);
  });

  test.each([
    ["seven streams", ["a", "a", "a", "a", "a", "a", "a"], ""],
    ["fewer places than streams", ["a", "a"], "&offset=now"],
    ["more places than streams", ["a"], "&offset=now~now"],
    ["a place that is none", ["a", "a"], "&offset=now~7"],
    ["an empty place", ["a", "a"], "&offset=now~"],
  ])("are answered with 400: %s", async (_what, names, query) => {
    await using rig = await startStreams();
    await rig.put("a", "application/json");
    const answer = await fetch(merged(rig, names, query), { headers: { Accept: "text/event-stream" } });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
  });

  test("are answered with 404 where none is there", async () => {
    await using rig = await startStreams();
    expect((await fetch(merged(rig, ["a", "b"]))).status).toBe(404);
  });

  test.each<[names: string[], encoding: string | null]>([
    [["text"], null],
    [["binary"], "base64"],
    [["binary", "other binary"], "base64"],
    [["text", "binary"], "identity, base64"],
    [["binary", "not there", "text"], "base64, identity, identity"],
    [["not there", "binary"], "base64"],
  ])("say how the bytes of each stand in its data: %j", async (names, encoding) => {
    await using rig = await startStreams();
    const bytes = new Uint8Array([0, 0xff, 0x0a, 0x80]);
    const data: Record<string, string> = { text: "a\nb", binary: "AP8KgA==", "other binary": "AP8KgA==" };
    await rig.streams.append("text", ["a\nb"], { contentType: "text/plain", close: true });
    await rig.streams.append("binary", [bytes], { contentType: "image/png", close: true });
    await rig.streams.append("other binary", [bytes], { contentType: "application/octet-stream", close: true });
    const reader = new EventReader(merged(rig, names));
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(reader.headers["stream-sse-data-encoding"] ?? null).toBe(encoding);
    for (const name of names.filter((each) => each in data)) {
      expect(reader.of(encodeURIComponent(name)).map((told) => told.data)).toEqual([data[name]]);
    }
  });

  test("begin at places of their own", async () => {
    await using rig = await startStreams();
    const first = await rig.streams.append("a", [1]);
    for (const name of ["a", "b", "c"]) await rig.streams.append(name, [2]);
    using reader = new EventReader(merged(rig, ["a", "b", "c"], `&offset=${first}~-1~now`));
    void reader.follow();
    await until(() => rig.watchers === 3, "a reader at all ends");
    await rig.streams.append("c", [3]);
    await reader.sees(3);
    expect(reader.told.map(({ event, data }) => `${event} ${data}`).toSorted()).toEqual(["a 2", "b 2", "c 3"]);
  });
});

test("loses nothing of six streams, and sees nothing twice, cut at any place", async () => {
  const random = seededRandom(21);
  await using rig = await startStreams({ maxPageBytes: 2048 });
  const names = ["a", "b", "c", "d", "e", "f"];
  const messages = 800;
  for (const name of names) await rig.put(name, "application/json");
  const readers = [1, 2, 3].map(
    () => new EventReader(merged(rig, names), { cutAfter: () => Math.floor(random() * 30_000) }),
  );
  const following = Promise.all(readers.map((reader) => reader.follow()));
  const writing = names.map(async (name) => {
    for (let n = 0; n < messages; n++) {
      await rig.streams.append(name, [n]);
      while (random() < 0.3) await turn();
    }
    await rig.streams.append(name, [], { close: true });
  });
  await Promise.all(writing);
  expect(await within(following, "the end of all readers")).toEqual([204, 204, 204]);
  const numbers = Array.from({ length: messages }, (_, n) => String(n));
  for (const reader of readers) {
    for (const name of names) expect(reader.of(name).map(({ data }) => data)).toEqual(numbers);
    expect(reader.connections).toBeGreaterThan(5);
  }
});

describe("a busy stream", () => {
  test("that has much to give does not keep the others back", async () => {
    // Ten messages a page: the quiet one is through after three pages.
    await using rig = await startStreams({ maxPageBytes: 50 });
    await rig.streams.append(
      "busy",
      Array.from({ length: 5_000 }, (_, n) => 10_000 + n),
      { close: true },
    );
    await rig.streams.append(
      "quiet",
      Array.from({ length: 30 }, (_, n) => 10_000 + n),
      { close: true },
    );
    for (const names of [
      ["busy", "quiet"],
      ["quiet", "busy"],
    ]) {
      const reader = new EventReader(merged(rig, names));
      await within(reader.follow(), "the end");
      expect(reader.told).toHaveLength(5_030);
      expect(reader.told.findLastIndex(({ event }) => event === "quiet")).toBeLessThan(100);
    }
  });

  test("that always has something at hand gives the others their turn", () => {
    const pages = (name: string, count: number): Puller => {
      let n = 0;
      return { pull: () => (n < count ? `id: ${name}${++n}\ndata: ${n}\n\n` : undefined), cancel() {} };
    };
    const reader = new MergedReader([
      { name: "busy", reader: pages("a", 100), id: "a0" },
      { name: "quiet", reader: pages("b", 2), id: "b0" },
      { name: "over", reader: undefined, id: "c0" },
    ]);
    const items = Array.from({ length: 5 }, () => /event: \w+/u.exec(reader.pull() as string)![0]);
    expect(items).toEqual(["event: busy", "event: quiet", "event: busy", "event: quiet", "event: busy"]);
  });

  test("that is written all the time does not keep the others back", async () => {
    await using rig = await startStreams();
    for (const name of ["busy", "quiet"]) await rig.put(name, "application/json");
    using reader = new EventReader(merged(rig, ["busy", "quiet"]));
    void reader.follow();
    await until(() => rig.watchers === 2, "a reader at both ends");
    const over = new AbortController();
    const writing = (async () => {
      for (let n = 0; !over.signal.aborted; n++) {
        await rig.streams.append("busy", [n, n, n]);
        if (n % 8 === 0) await turn();
      }
    })();
    const gaps: number[] = [];
    for (let n = 0; n < 20; n++) {
      const before = reader.told.length;
      await rig.streams.append("quiet", [n]);
      await until(() => reader.of("quiet").length > n, "the quiet stream's event");
      gaps.push(reader.told.findLastIndex(({ event }) => event === "quiet") - before);
    }
    over.abort();
    await writing;
    // What was on its way already, and no backlog.
    expect(Math.max(...gaps)).toBeLessThan(20_000);
    expect(reader.of("busy").length).toBeGreaterThan(500);
  });
});

describe("while the others go on, one", () => {
  async function follow(rig: Rig, names: readonly string[]): Promise<[EventReader, Promise<unknown>]> {
    for (const name of names) await rig.streams.append(name, [`${name}1`]);
    const reader = new EventReader(merged(rig, names));
    const following = reader.follow();
    await reader.sees(names.length);
    await until(() => rig.watchers === names.length, "a reader at all ends");
    return [reader, following];
  }

  /** What came after the first event of each. */
  function later(reader: EventReader): string[] {
    return reader.told.slice(2).map(({ event, data }) => `${event} ${data}`);
  }

  test("ends", async () => {
    await using rig = await startStreams();
    const [reader, following] = await follow(rig, ["a", "b"]);
    await rig.streams.append("a", ["a2"], { close: true });
    await reader.sees(3);
    await rig.streams.append("b", ["b2"]);
    await reader.sees(4);
    reader.cut();
    await until(() => reader.connections === 2, "coming back");
    await rig.streams.append("b", ["b3"], { close: true });
    expect(await within(following, "the end")).toBe(204);
    expect(later(reader)).toEqual(['a "a2"', 'b "b2"', 'b "b3"']);
  });

  test("fails, which is told once, and of which", async () => {
    await using rig = await startStreams();
    const [reader, following] = await follow(rig, ["a", "b"]);
    await rig.streams.append("a", ["a2"], { failure: "out_of_words" });
    await reader.sees(4);
    reader.cut();
    await until(() => reader.connections === 2, "coming back");
    await rig.streams.append("b", ["b2"], { failure: "out_of_ink" });
    expect(await within(following, "the end")).toBe(204);
    expect(later(reader)).toEqual([
      'a "a2"',
      'error {"stream":"a","code":"out_of_words"}',
      'b "b2"',
      'error {"stream":"b","code":"out_of_ink"}',
    ]);
  });

  test("is deleted, which is told once, and of which", async () => {
    await using rig = await startStreams();
    const [reader, following] = await follow(rig, ["a", "b"]);
    await rig.log.delete("a");
    await reader.sees(3);
    await rig.streams.append("b", ["b2"]);
    await reader.sees(4);
    reader.cut();
    await until(() => reader.connections === 2, "coming back");
    await rig.streams.append("b", ["b3"], { close: true });
    expect(await within(following, "the end")).toBe(204);
    expect(later(reader)).toEqual(['error {"stream":"a","code":"http_410"}', 'b "b2"', 'b "b3"']);
  });

  test("is deleted, and its reader was cut then", async () => {
    await using rig = await startStreams();
    for (const name of ["a", "b"]) await rig.streams.append(name, [`${name}1`]);
    using reader = new EventReader(merged(rig, ["a", "b"]));
    const connection = reader.connect();
    await reader.sees(2);
    reader.cut();
    await connection;
    await rig.log.delete("a");
    await rig.streams.append("b", ["b2"], { close: true });
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(later(reader).toSorted()).toEqual(['b "b2"', 'error {"stream":"a","code":"http_404"}']);
  });

  test("is trimmed beyond where its reader is", async () => {
    await using rig = await startStreams();
    const first = await rig.streams.append("a", ["a1"]);
    const kept = await rig.streams.append("a", ["a2"]);
    await rig.streams.append("a", ["a3"]);
    await rig.streams.append("b", ["b1"], { close: true });
    await rig.log.trim("a", { maxMessages: 1 });
    const reader = new EventReader(merged(rig, ["a", "b"], `&offset=${first}~-1`));
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(reader.told.map(({ event, data }) => `${event} ${data}`).toSorted()).toEqual([
      'b "b1"',
      `error {"stream":"a","code":"trimmed","first":"${kept}"}`,
    ]);
    // Also where it is the only one.
    const only = new EventReader(merged(rig, ["a"], `&offset=${first}`));
    expect(await within(only.follow(), "the end")).toBe(204);
    expect(only.told).toMatchObject([{ event: "error", data: `{"stream":"a","code":"trimmed","first":"${kept}"}` }]);
  });
});

test("a log that fails breaks the connection, and leaves none of its readers behind", async () => {
  let isBroken = false;
  await using rig = await startStreams({
    over: (log) =>
      overLog(log, {
        async read(name, after, limits) {
          if (isBroken && name === "a") throw new Error("The disk is gone");
          return log.read(name, after, limits);
        },
      }),
  });
  for (const name of ["a", "b"]) await rig.put(name, "application/json");
  const reader = new EventReader(merged(rig, ["a", "b"]));
  const connection = reader.connect();
  await until(() => rig.watchers === 2, "a reader at both ends");
  isBroken = true;
  await rig.log.append("a", { messages: [new TextEncoder().encode("1")] });
  expect(await within(connection, "the end")).toEqual({ status: 200, isClean: false });
  await rig.untilUnwatched();
  expect(reports.takeAll().map(({ code }) => code)).toEqual(["SOURCE_FAILED"]);
});
