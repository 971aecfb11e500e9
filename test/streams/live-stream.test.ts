import { memoryLog } from "sluice/logs/memory";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Page } from "../../src/logs/event-log.ts";
import { eventFraming } from "../../src/streams/frames.ts";
import { type LiveListener, LiveStream } from "../../src/streams/live-stream.ts";
import { StreamWatches } from "../../src/streams/stream-watches.ts";
import { until } from "../helpers/deadline.ts";
import { overLog } from "./support/rig.ts";

const encoder = new TextEncoder();
const memory = memoryLog();
let reads = 0;
const log = overLog(memory, {
  async read(...args) {
    reads++;
    return memory.read(...args);
  },
});
afterEach(async () => {
  reads = 0;
  await memory.delete("s");
});

function work(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

/** What a stream's end hands to one that takes `ms` for each delivery. */
class Slow implements LiveListener {
  readonly live: LiveStream;
  readonly ms: number;
  deliveries = 0;
  text = "";
  position = 0;
  longestTurnMs = 0;

  constructor(live: LiveStream, ms: number) {
    this.live = live;
    this.ms = ms;
    live.wait(this);
  }

  onMore(): void {
    work(this.ms);
    this.deliveries++;
    for (let page = this.live.at(this.position); page; page = this.live.at(this.position)) {
      this.text += new TextDecoder().decode(page.bytes);
      this.position = page.next;
    }
    this.live.wait(this);
  }
}

async function open(): Promise<LiveStream> {
  await memory.create("s", { config: { contentType: "text/plain" }, messages: [], closed: false });
  const live = new LiveStream(log, new StreamWatches(log, 0), "s", eventFraming, () => {});
  const { page } = (await memory.read("s", 0, { maxBytes: 1 })) as { page: Page };
  live.enter(page);
  return live;
}

async function appendAll(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await memory.append("s", { messages: [encoder.encode(String(n))] });
    await turn();
  }
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `data: ${n}`);

test("what comes faster than it can be handed out is handed out together, and nothing is left out", async () => {
  const live = await open();
  const slow = new Slow(live, 4);
  await appendAll(500);
  await until(() => slow.text.includes("data: 499\n"), "the last");
  expect(slow.text.match(/^data: .*$/gmu)).toEqual(numbers(500));
  expect(slow.deliveries).toBeLessThan(100);
  expect(reads).toBeLessThan(110);
  live.leave();
});

test("what can be handed out at once is", async () => {
  const live = await open();
  const quick = new Slow(live, 0);
  await appendAll(50);
  await until(() => quick.text.includes("data: 49\n"), "the last");
  expect(quick.deliveries).toBe(50);
  live.leave();
});

test("the first after a silence does not wait", async () => {
  const live = await open();
  const slow = new Slow(live, 20);
  await appendAll(1);
  await until(() => slow.deliveries === 1, "the first");
  await new Promise((resolve) => setTimeout(resolve, 40));
  await memory.append("s", { messages: [encoder.encode("1")] });
  // Without a timer: as soon as the log has answered.
  await turn();
  expect(slow.deliveries).toBe(2);
  live.leave();
});

test("thousands who are told do not keep all others waiting", async () => {
  const live = await open();
  const readers = Array.from({ length: 400 }, () => new Slow(live, 0.25));
  let turns = 0;
  const over = new AbortController();
  const counting = (async () => {
    while (!over.signal.aborted) {
      await turn();
      turns++;
    }
  })();
  await memory.append("s", { messages: [encoder.encode("0")] });
  // One leaves while others are being told.
  const leaver = readers.at(-1)!;
  await until(() => readers[0]!.deliveries === 1, "the first");
  expect(leaver.deliveries).toBe(0);
  live.unwait(leaver);
  await until(() => readers.at(-2)!.deliveries === 1, "the last");
  over.abort();
  await counting;
  expect(turns).toBeGreaterThan(5);
  expect(readers.filter(({ deliveries }) => deliveries === 1)).toHaveLength(399);
  expect(leaver.deliveries).toBe(0);
  live.leave();
});
