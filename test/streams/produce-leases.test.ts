import { setTimeout as lapse } from "node:timers/promises";
import { type EventLog, type ProduceContext, createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { describe, expect, test } from "vitest";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { Producers } from "../../src/streams/producers.ts";
import { EventReader } from "./support/event-reader.ts";
import { overLog, startStreams } from "./support/rig.ts";

const reports = watchReports();

/** More than a lease lasts, in ms. */
const LONG_MS = 60_000;
const DEAD = "a process that died";

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function isOpen(log: EventLog, name: string): Promise<boolean> {
  const result = await log.info(name);
  return result.status === "there" && !result.info.closed;
}

describe("a stream whose writer's process has died", () => {
  test("is closed by another one, and its readers are told", { timeout: 30_000 }, async () => {
    let nowMs = 1_000_000;
    await using rig = await startStreams({ memory: { now: () => nowMs } });
    const dead = createStreams({ log: rig.log });
    let signal: AbortSignal | undefined;
    await dead.produce("s", async (context) => {
      signal = context.signal;
      await context.append("its last words");
      await untilAborted(context.signal);
    });
    using reader = new EventReader(rig.url("s"));
    const following = reader.follow();
    await reader.sees(1);
    // It does not come to prolong its lease.
    nowMs += LONG_MS;
    expect(await within(following, "the reader's end", 15_000)).toBe(204);
    expect(reader.told).toMatchObject([
      { data: '"its last words"' },
      { event: "error", data: '{"code":"producer_lost"}' },
    ]);
    // It was not dead, only late: it is told that it writes no more, and what it does then changes nothing.
    await until(() => signal!.aborted, "the abort of the one that was late");
    await dead.close();
    expect(await rig.log.info("s")).toMatchObject({ info: { failure: "producer_lost" } });
  });

  test("may be taken over before that, and goes on behind what there is", async () => {
    let nowMs = 1_000_000;
    await using rig = await startStreams({ memory: { now: () => nowMs } });
    await rig.streams.append("s", ["before"]);
    await rig.log.acquireLease("s", DEAD, 10_000);
    let ran = 0;
    const source = (): string[] => [`run ${++ran}`];
    expect(await rig.streams.produce("s", source)).toBe(false);
    nowMs += LONG_MS;
    expect(await rig.streams.produce("s", source)).toBe(true);
    using reader = new EventReader(rig.url("s"));
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(reader.data).toEqual(['"before"', '"run 1"']);
  });

  test("is left alone where another has taken it over in that moment", async () => {
    let nowMs = 1_000_000;
    const log = memoryLog({ now: () => nowMs });
    let looks = 0;
    const late = overLog(log, {
      async abandoned() {
        const names = await log.abandoned();
        for (const name of names) await log.acquireLease(name, "the one that took it over", LONG_MS);
        looks++;
        return names;
      },
    });
    await log.create("s", { config: {}, messages: [], closed: false });
    await log.acquireLease("s", DEAD, 10_000);
    nowMs += LONG_MS;
    const producers = new Producers(late, { leaseMs: 20 });
    await until(() => looks >= 3, "looking for what was left");
    expect(await isOpen(log, "s")).toBe(true);
    await producers.close();
    await log.close();
  });
});

describe("a writer that is alive", () => {
  test("keeps its stream as long as it has nothing to say", async () => {
    const leaseMs = 60;
    const log = memoryLog();
    let renewals = 0;
    const producers = new Producers(
      overLog(log, {
        renewLease(...args) {
          renewals++;
          return log.renewLease(...args);
        },
      }),
      { leaseMs },
    );
    const production = await producers.begin("s", async ({ signal }) => untilAborted(signal), {});
    // Ten leases long, by its own count.
    await until(() => renewals > 30, "renewals");
    expect(await log.acquireLease("s", "another", leaseMs)).toBe(undefined);
    expect(await isOpen(log, "s")).toBe(true);
    await producers.close();
    await within(production!.ended, "the end");
    await log.close();
  });

  test("is told to stop when another writes its stream, and writes no more", async () => {
    let nowMs = 1_000_000;
    await using rig = await startStreams({ memory: { now: () => nowMs } });
    let signal: AbortSignal | undefined;
    let thrown: unknown;
    await rig.streams.produce("s", async (context) => {
      signal = context.signal;
      await context.append(1);
      await until(() => nowMs > 1_000_000, "the other's lease");
      await context.append("too late").catch((error: unknown) => (thrown = error));
    });
    using reader = new EventReader(rig.url("s"));
    void reader.follow();
    await reader.sees(1);
    nowMs += LONG_MS;
    const lease = await rig.log.acquireLease("s", "another", LONG_MS);
    expect(lease).toBeDefined();
    await until(() => thrown !== undefined, "the refusal");
    expect(thrown).toMatchObject({ status: 410 });
    expect(signal?.aborted).toBe(true);
    await rig.log.append("s", { messages: [new TextEncoder().encode("2")], lease });
    await reader.sees(2);
    expect(reader.data).toEqual(["1", "2"]);
    expect(await isOpen(rig.log, "s")).toBe(true);
  });
});

describe("a writer whose log fails for a while", () => {
  const leaseMs = 120;

  /** @param fails - whether a call of this kind fails now */
  async function start(fails: (call: "renewLease" | "info") => boolean): Promise<{
    readonly log: EventLog;
    readonly producers: Producers;
    readonly calls: Record<"renewLease" | "info" | "append", number>;
    readonly context: ProduceContext;
  }> {
    const log = memoryLog();
    const calls = { renewLease: 0, info: 0, append: 0 };
    const failing = overLog(log, {
      async renewLease(...args) {
        calls.renewLease++;
        if (fails("renewLease")) throw new Error("The log is away");
        return log.renewLease(...args);
      },
      async info(name) {
        calls.info++;
        if (fails("info")) throw new Error("The log is away");
        return log.info(name);
      },
      async append(...args) {
        calls.append++;
        return log.append(...args);
      },
    });
    const producers = new Producers(failing, { leaseMs });
    let context: ProduceContext | undefined;
    await producers.begin("s", async (given) => untilAborted((context = given).signal), {});
    return { log, producers, calls, context: context! };
  }

  test("goes on where it comes back before the lease has ended", async () => {
    let isAway = true;
    const { log, producers, calls, context } = await start(() => isAway);
    await until(() => calls.renewLease > 1, "a second attempt");
    isAway = false;
    const before = calls.renewLease;
    await until(() => calls.renewLease > before + 3, "more renewals");
    expect(context.signal.aborted).toBe(false);
    expect(await log.acquireLease("s", "another", leaseMs)).toBe(undefined);
    await producers.close();
    await log.close();
  });

  test("is told to stop when the lease has ended by then", async () => {
    const { log, producers, context } = await start((call) => call === "renewLease");
    const begunAt = performance.now();
    await until(() => context.signal.aborted, "the abort");
    expect(performance.now() - begunAt).toBeGreaterThan(leaseMs / 2);
    expect(context.signal.reason).toMatchObject({ message: "The log is away" });
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
    await producers.close();
    await log.close();
  });

  test("asks nothing for what it appends itself", async () => {
    const { log, producers, calls, context } = await start(() => false);
    const begunAt = performance.now();
    for (let n = 0; n < 101; n++) {
      await context.append(n);
      if (n % 10 === 0) await lapse(2);
    }
    // What the last of them could have it ask would be asked by now.
    await lapse(100);
    const renewals = Math.ceil((performance.now() - begunAt) / (leaseMs / 3));
    expect(calls).toMatchObject({ append: 101, info: 0 });
    expect(calls.renewLease).toBeLessThanOrEqual(renewals);
    // Somebody else's does not stop it, and is looked at once.
    await log.append("s", { messages: [new TextEncoder().encode("1")] });
    await until(() => calls.info === 1, "a look");
    expect(context.signal.aborted).toBe(false);
    await producers.close();
    await log.close();
  });
});

describe("a writer that is faster than the log", () => {
  const MESSAGE = "x".repeat(1_000);
  const MESSAGES = 5_000;
  /** What may be on its way to the log, and as much that waits for it; and the message that makes it too much. */
  const MAX_AHEAD_BYTES = 2 * 256 * 1024 + 2 * MESSAGE.length;

  test.each<[string, () => AsyncGenerator<string> | Generator<string>]>([
    [
      "a generator",
      async function* () {
        for (let n = 0; n < MESSAGES; n++) yield MESSAGE;
      },
    ],
    [
      "a synchronous generator",
      function* () {
        for (let n = 0; n < MESSAGES; n++) yield MESSAGE;
      },
    ],
  ])("is not asked for more than the log takes: %s", async (_what, values) => {
    let [keptBytes, madeBytes, maxAheadBytes] = [0, 0, 0];
    await using rig = await startStreams({
      over: (log) =>
        overLog(log, {
          async append(name, request) {
            await lapse(5);
            const result = await log.append(name, request);
            for (const { byteLength } of request.messages) keptBytes += byteLength;
            return result;
          },
        }),
    });
    await rig.streams.produce(
      "s",
      async function* () {
        for await (const value of values()) {
          madeBytes += value.length;
          maxAheadBytes = Math.max(maxAheadBytes, madeBytes - keptBytes);
          yield value;
        }
      },
      { contentType: "text/plain" },
    );
    await until(() => keptBytes === MESSAGES * MESSAGE.length, "all of it in the log");
    expect(maxAheadBytes).toBeLessThanOrEqual(MAX_AHEAD_BYTES);
    // It is not one append for each.
    expect(maxAheadBytes).toBeGreaterThan(10 * MESSAGE.length);
  });
});
