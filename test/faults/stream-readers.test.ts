import { get as getHttp } from "node:http";
import { expect, test } from "vitest";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader } from "../streams/support/event-reader.ts";
import { overLog, startStreams } from "../streams/support/rig.ts";
import { ran, scaled } from "./support/scale.ts";

watchReports();

const FORM = { contentType: "text/plain" };

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => String(from + index));
}

test(
  "readers that take nothing are cut, come back, and miss nothing; the others do not notice",
  { timeout: 90_000 },
  async () => {
    const [sleepers, others] = [50, 450];
    // More than a connection takes where nobody reads, about 4 MB.
    const [large, largeBytes] = [256, 32 * 1024];
    const small = 200;
    const outcomes: string[] = [];
    await using rig = await startStreams({
      stallTimeoutMs: 500,
      onResult: ({ outcome }) => void (outcome !== "completed" && outcomes.push(outcome)),
    });
    for (let n = 0; n < large; n++) await rig.streams.append("s", [`${n} ${"x".repeat(largeBytes)}`], FORM);

    const awake = Array.from({ length: others }, () => new EventReader(rig.url("s", "offset=now")));
    const awakeEnds = awake.map((reader) => reader.follow());
    await until(() => awake.every(({ lastEventId }) => lastEventId !== ""), "all readers at the end", 20_000);
    const asleep = Array.from({ length: sleepers }, () => new EventReader(rig.url("s"), { pauseAfter: 1 }));
    const asleepEnds = asleep.map((reader) => reader.follow());

    let slowestMs = 0;
    for (let n = large; n < large + small; n++) {
      await rig.streams.append("s", [String(n)], FORM);
      const appendedAt = performance.now();
      await until(() => awake.every(({ told }) => told.length > n - large), `message ${n} at all who are awake`);
      slowestMs = Math.max(slowestMs, performance.now() - appendedAt);
    }
    await until(() => outcomes.length >= sleepers, "the cut of all who sleep", 20_000);
    for (const reader of asleep) reader.resume();
    await rig.streams.append("s", [String(large + small)], { ...FORM, close: true });
    const ends = await within(Promise.all([...awakeEnds, ...asleepEnds]), "the end of all readers", 40_000);
    ran(
      `${others} readers got each of ${small} messages within ${slowestMs.toFixed(0)} ms beside ${sleepers} that slept`,
    );

    expect(new Set(ends)).toEqual(new Set([204]));
    expect(outcomes).toEqual(asleep.map(() => "stalled"));
    for (const reader of awake) {
      expect(reader.connections).toBe(2);
      expect(reader.data).toEqual(range(large, large + small + 1));
    }
    for (const reader of asleep) {
      expect(reader.data.map((data) => data.split(" ", 1)[0])).toEqual(range(0, large + small + 1));
      // The first was cut; the second came to the end; the third was told so.
      expect(reader.connections).toBe(3);
    }
  },
);

test("what is appended is read from the log once, however many readers wait for it", async () => {
  let reads = 0;
  await using rig = await startStreams({
    over: (log) =>
      overLog(log, {
        read(...args) {
          reads++;
          return log.read(...args);
        },
      }),
  });
  await rig.put("s", "application/json");
  const readers = Array.from({ length: 200 }, () => new EventReader(rig.url("s")));
  const ends = Promise.all(readers.map((reader) => reader.follow()));
  await until(() => readers.every(({ lastEventId }) => lastEventId !== ""), "all readers at the end");
  const appends = 40;
  reads = 0;
  for (let n = 0; n < appends; n++) {
    await rig.streams.append("s", [n, n, n]);
    await until(() => readers.every(({ told }) => told.length === (n + 1) * 3), `append ${n} at all readers`);
  }
  expect(reads).toBeLessThanOrEqual(appends + 2);
  expect(rig.watchers).toBe(1);
  await rig.streams.append("s", [], { close: true });
  expect(new Set(await within(ends, "the end of all readers"))).toEqual(new Set([204]));
});

test("1,000 events a second arrive at 200 readers, all of them and in order", { timeout: 60_000 }, async () => {
  const [readers, perSecond, seconds] = [200, 1_000, scaled(3, 30)];
  await using rig = await startStreams();
  await rig.put("s", "application/json");
  const bodies = Array.from({ length: readers }, () => collect(rig.url("s")));
  await until(() => bodies.every(({ chunks }) => chunks.length > 0), "all readers at the end");

  let expected = bodies[0]!.chunks[0]!.toString();
  const startedAt = performance.now();
  for (let n = 0; n < perSecond * seconds; n++) {
    const dueMs = (n / perSecond) * 1000;
    if (performance.now() - startedAt < dueMs) await new Promise((resolve) => setTimeout(resolve, 1));
    const offset = await rig.streams.append("s", [{ n }]);
    expected += `id: ${offset}\ndata: {"n":${n}}\n\n`;
  }
  const writtenMs = performance.now() - startedAt;
  await rig.streams.append("s", [], { close: true });
  const texts = await within(Promise.all(bodies.map(({ text }) => text)), "the end of all readers");
  ran(
    `${perSecond * seconds} events in ${(writtenMs / 1000).toFixed(1)} s to ${readers} readers, ` +
      `who had all of them ${(performance.now() - startedAt - writtenMs).toFixed(0)} ms later`,
  );
  for (const text of texts) expect(text === expected).toBe(true);
});

/** All that comes, without looking at it. */
function collect(url: string): { readonly chunks: Buffer[]; readonly text: Promise<string> } {
  const chunks: Buffer[] = [];
  const text = new Promise<string>((resolve, reject) => {
    getHttp(url, { agent: false, headers: { Accept: "text/event-stream" } }, (response) => {
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
      response.on("error", reject);
    }).on("error", reject);
  });
  return { chunks, text };
}
