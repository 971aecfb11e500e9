import { describe, expect, test } from "vitest";
import type { ReadLimits } from "../../src/logs/event-log.ts";
import { durableFraming, eventFraming } from "../../src/streams/frames.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader } from "./support/event-reader.ts";
import { type Rig, type RigOptions, overLog, startStreams } from "./support/rig.ts";

watchReports();

const MESSAGES = 50_000;
/** Beside what it has, a message costs so much at least. */
const COST_BYTES = 64;
const EVENT_PAGE_BYTES = 64 * 1024;

interface Observed {
  rig: Rig;
  limits: ReadLimits[];
  pageMessages: number[];
}

/** Many messages of one byte, and how they are read. */
async function start(contentType: string, options: RigOptions = {}): Promise<Observed & AsyncDisposable> {
  const limits: ReadLimits[] = [];
  const pageMessages: number[] = [];
  const rig = await startStreams({
    ...options,
    over: (log) =>
      overLog(log, {
        async read(name, after, asked) {
          limits.push(asked);
          const result = await log.read(name, after, asked);
          if (result.status === "page") pageMessages.push(result.page.messages.length);
          return result;
        },
      }),
  });
  const messages = Array.from({ length: MESSAGES }, () => new Uint8Array([0x31]));
  await rig.log.create("s", { config: { contentType }, messages, closed: false });
  return { rig, limits, pageMessages, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

async function readPages({ rig }: Observed, live = ""): Promise<string[]> {
  const bodies: string[] = [];
  for (let offset = "-1"; ;) {
    const page = await fetch(rig.url("s", `offset=${offset}${live}`));
    bodies.push(await page.text());
    offset = page.headers.get("Stream-Next-Offset")!;
    if (page.headers.has("Stream-Up-To-Date")) return bodies;
  }
}

describe("messages of one byte are read so many at a time, and all of them", () => {
  test.each(["", "&live=long-poll"])("in pages (%j)", async (live) => {
    await using observed = await start("application/json");
    const bodies = await readPages(observed, live);
    expect(bodies.flatMap((body) => JSON.parse(body) as number[])).toEqual(Array.from({ length: MESSAGES }, () => 1));
    expect(observed.pageMessages[0]).toBe((1024 * 1024) / COST_BYTES);
    expect(observed.limits.every(({ maxBytes, maxMessages = 0 }) => maxBytes === maxMessages * COST_BYTES)).toBe(true);
  });

  test("as far as `maxPageBytes` goes, at least one", async () => {
    await using observed = await start("text/plain", { maxPageBytes: 10 });
    const page = await fetch(observed.rig.url("s"));
    expect(await page.text()).toBe("1");
  });

  test.each([
    ["an EventSource", "", MESSAGES],
    ["the protocol's events", "offset=-1&live=sse", 2 * Math.ceil(MESSAGES / 1024)],
  ])("by %s", async (_what, query, events) => {
    await using observed = await start("application/json");
    using reader = new EventReader(observed.rig.url("s", query));
    void reader.connect();
    await reader.sees(events);
    const data = query === "" ? reader.data : reader.of("data").flatMap((told) => JSON.parse(told.data) as number[]);
    expect(data).toHaveLength(MESSAGES);
    const most = EVENT_PAGE_BYTES / COST_BYTES;
    expect(Math.max(...observed.pageMessages)).toBe(most);
    expect(observed.limits.every(({ maxMessages }) => maxMessages === most)).toBe(true);
  });

  test("by those at the end, whom they reach all at once", async () => {
    await using observed = await start("application/json");
    using reader = new EventReader(observed.rig.url("s", "offset=now"));
    void reader.connect();
    await until(() => reader.lastEventId !== "", "a reader at the end");
    await observed.rig.streams.append(
      "s",
      Array.from({ length: 10_000 }, (_, n) => n),
    );
    await reader.sees(10_000);
    expect(reader.data.map(Number)).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
    expect(Math.max(...observed.pageMessages)).toBe(EVENT_PAGE_BYTES / COST_BYTES);
  });

  test("by who reads several streams", async () => {
    await using observed = await start("text/plain");
    const { rig } = observed;
    await rig.streams.append("s", [], { close: true });
    const reader = new EventReader(`${rig.server.url}/v1/stream/?stream=s&stream=s`);
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(reader.told).toHaveLength(2 * MESSAGES);
  });
});

test.each([
  ["events", eventFraming],
  ["the protocol's events", durableFraming],
])("a page's frames are not much larger than what a page may cost: %s", async (_what, framing) => {
  for (const contentType of ["text/plain", "application/json", "image/png"]) {
    const messages = Array.from({ length: EVENT_PAGE_BYTES / COST_BYTES }, () => new Uint8Array([0x31]));
    const next = messages.length;
    const info = { config: { contentType }, generation: "g", first: 0, next, closed: false };
    const { byteLength } = framing.page({ info, messages, from: 0, next }, null);
    expect(byteLength).toBeLessThan(EVENT_PAGE_BYTES * 1.1);
  }
});
