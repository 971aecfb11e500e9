import { memoryLog } from "sluice/logs/memory";
import { afterEach, describe, expect, test } from "vitest";
import type { Puller } from "../../src/core/puller.ts";
import type { Page } from "../../src/logs/event-log.ts";
import { eventFraming } from "../../src/streams/frames.ts";
import { LiveReader } from "../../src/streams/live-reader.ts";
import type { LiveStream } from "../../src/streams/live-stream.ts";
import { LiveStreams } from "../../src/streams/live-streams.ts";
import { StreamWatches } from "../../src/streams/stream-watches.ts";
import { within } from "../helpers/deadline.ts";
import { overLog } from "./support/rig.ts";

const encoder = new TextEncoder();
const memory = memoryLog();
let watchers = 0;
let isBroken = false;
let isDeaf = false;
/** 0: the log is never asked. */
let pollIntervalMs = 0;
let entered: LiveStream[] = [];
const log = overLog(memory, {
  watch(name, listener) {
    // A hint may be lost.
    const unwatch = memory.watch(name, () => isDeaf || listener());
    watchers++;
    return () => {
      watchers--;
      unwatch();
    };
  },
  async read(name, after, limits) {
    if (isBroken) throw new Error("The disk is gone");
    return memory.read(name, after, limits);
  },
});

afterEach(async () => {
  isBroken = false;
  isDeaf = false;
  pollIntervalMs = 0;
  entered = [];
  await memory.delete("s");
  expect(watchers, "who watches still").toBe(0);
});

async function create(closed = false, ...messages: string[]): Promise<void> {
  await memory.create("s", {
    config: { contentType: "text/plain" },
    messages: messages.map((text) => encoder.encode(text)),
    closed,
  });
}

async function append(text: string): Promise<void> {
  await memory.append("s", { messages: [encoder.encode(text)] });
}

function newStreams(): LiveStreams {
  return new LiveStreams(log, new StreamWatches(log, pollIntervalMs));
}

async function open(streams: LiveStreams): Promise<LiveReader> {
  const { page } = (await memory.read("s", 0, { maxBytes: 10 })) as { page: Page };
  return new LiveReader(page, {
    log,
    name: "s",
    framing: eventFraming,
    live() {
      const live = streams.get("s", eventFraming);
      entered.push(live);
      return live;
    },
    limits: { maxBytes: 10 },
    cursor: null,
  });
}

async function pull(puller: Puller): Promise<string | undefined> {
  const item = await within(Promise.resolve(puller.pull()), "an item");
  return item instanceof Uint8Array ? new TextDecoder().decode(item) : item;
}

describe("a reader", () => {
  test("of a stream that is closed does not begin to watch its end", async () => {
    await create(true, "a", "b");
    const reader = await open(newStreams());
    expect(await pull(reader)).toContain("data: b");
    expect(await pull(reader)).toBe(undefined);
    expect(entered).toEqual([]);
  });

  test("that leaves before it is at the end has never watched it", async () => {
    await create(false, "0123456789", "more");
    const reader = await open(newStreams());
    expect(await pull(reader)).toContain("data: 0123456789");
    reader.cancel();
    expect(entered).toEqual([]);
  });

  test("shares the end with all who are there, also those who come when others have left", async () => {
    await create(false, "a");
    const streams = newStreams();
    const [first, second] = [await open(streams), await open(streams)];
    await pull(first);
    await pull(second);
    first.cancel();
    const third = await open(streams);
    await pull(third);
    expect(new Set(entered).size).toBe(1);
    const coming = [pull(second), pull(third)];
    await append("b");
    expect(await Promise.all(coming)).toEqual([expect.stringContaining("data: b"), expect.stringContaining("data: b")]);
    second.cancel();
    third.cancel();
    const fourth = await open(streams);
    await pull(fourth);
    expect(new Set(entered).size).toBe(2);
    fourth.cancel();
  });

  test("that has fallen behind leaves the end where the log fails", async () => {
    await create(false, "a");
    const reader = await open(newStreams());
    await pull(reader);
    const other = pull(reader);
    await append("b");
    await other;
    // More than is kept for who is a little behind.
    for (let n = 0; n < 6; n++) {
      await append("x".repeat(60_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(watchers).toBe(1);
    isBroken = true;
    await expect(pull(reader)).rejects.toThrow("The disk is gone");
    expect(watchers).toBe(0);
  });

  test("gets what was appended before he was at the end, and after he had read", async () => {
    await create(false, "a");
    const reader = await open(newStreams());
    await append("b");
    expect(await pull(reader)).toContain("data: a");
    expect(await pull(reader)).toContain("data: b");
    reader.cancel();
  });

  test("gets all of what is more than is read at a time for those at the end", async () => {
    await create(false, "a");
    const reader = await open(newStreams());
    await pull(reader);
    const texts = ["b", "c", "d"].map((letter) => letter.repeat(60_000));
    await memory.append("s", { messages: texts.map((text) => encoder.encode(text)) });
    let seen = "";
    while (!seen.includes(texts[2]!)) seen += await pull(reader);
    expect(seen.match(/^data: (\w)/gmu)).toEqual(["data: b", "data: c", "data: d"]);
    reader.cancel();
  });

  test("that comes further than those at the end had been read to sees nothing twice", async () => {
    await create(false, "a");
    const streams = newStreams();
    const first = await open(streams);
    await pull(first);
    isDeaf = true;
    await append("b");
    const second = await open(streams);
    expect(await pull(second)).toContain("data: b");
    isDeaf = false;
    const coming = [pull(first), pull(second)];
    await append("c");
    const frames = (await Promise.all(coming)).map((text) => text!.match(/^data: \w/gmu));
    expect(frames).toEqual([["data: b", "data: c"], ["data: c"]]);
    first.cancel();
    second.cancel();
  });

  test.each(["that is at the end", "that has more to read"])(
    "%s gets nothing of the next stream of the name",
    async (where) => {
      const isAtEnd = where === "that is at the end";
      await create(false, "0123456789", ...(isAtEnd ? [] : ["more"]));
      const reader = await open(newStreams());
      expect(await pull(reader)).toContain("data: 0123456789");
      isDeaf = true;
      await memory.delete("s");
      await create(false, "of another stream, and longer");
      isDeaf = false;
      const coming = pull(reader);
      await append("more");
      await expect(coming).rejects.toMatchObject({ status: 410 });
    },
  );
});
