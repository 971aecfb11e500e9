import { setTimeout as lapse } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Producers } from "../../src/streams/producers.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader } from "./support/event-reader.ts";
import { type Rig, type RigOptions, overLog, startStreams } from "./support/rig.ts";

watchReports();

const POLL_MS = 20;
let infos = 0;
afterEach(() => (infos = 0));

/** A log that never calls. */
function startDeaf(options: RigOptions = {}): Promise<Rig> {
  return startStreams({
    pollIntervalMs: POLL_MS,
    ...options,
    over: (log) =>
      overLog(log, {
        // Who watches is counted all the same.
        watch: (name) => log.watch(name, () => {}),
        async info(name) {
          infos++;
          return log.info(name);
        },
      }),
  });
}

/** A reader that is at the end, and has been there for a while. */
async function openReader(rig: Rig, query: string): Promise<[EventReader, ReturnType<EventReader["connect"]>]> {
  const reader = new EventReader(rig.url("s", query));
  const connection = reader.connect();
  await until(() => rig.watchers > 0, "a reader at the end");
  const before = infos;
  await until(() => infos > before + 1, "two looks");
  return [reader, connection];
}

describe.each([
  ["an EventSource", ""],
  ["a reader of the protocol's events", "offset=-1&live=sse"],
])("%s at the end of a stream whose log has not called", (_who, query) => {
  test("sees what comes, and the end", async () => {
    await using rig = await startDeaf();
    await rig.put("s", "application/json");
    const [reader, connection] = await openReader(rig, query);
    const data = (): string[] => (query === "" ? reader.data : reader.of("data").map((told) => told.data.slice(1, -1)));
    for (const n of [1, 2, 3]) {
      await rig.streams.append("s", [n]);
      await until(() => data().length === n, `message ${n}`);
    }
    await rig.streams.append("s", [], { close: true });
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: true });
    expect(data()).toEqual(["1", "2", "3"]);
  });

  test("is broken off when it is deleted, and when another one has its name", async () => {
    for (const isMadeAgain of [false, true]) {
      await using rig = await startDeaf();
      await rig.put("s", "application/json");
      const [, connection] = await openReader(rig, query);
      await rig.log.delete("s");
      if (isMadeAgain) await rig.put("s", "application/json");
      expect(await within(connection, "the end")).toEqual({ status: 200, isClean: false });
    }
  });

  test("does not prolong its time to live", async () => {
    let nowMs = 1_000_000;
    await using rig = await startDeaf({ memory: { now: () => nowMs } });
    await rig.put("s", "application/json", { "Stream-TTL": "10" });
    const [, connection] = await openReader(rig, query);
    for (let n = 0; n < 4; n++) {
      nowMs += 3_000;
      const before = infos;
      await Promise.race([connection, until(() => infos > before + 1, "two looks")]);
    }
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: false });
  });
});

test("a long poll is answered though the log has not called", async () => {
  await using rig = await startDeaf();
  await rig.put("s", "application/json");
  const polled = fetch(rig.url("s", "offset=-1&live=long-poll"));
  await until(() => infos > 1, "two looks");
  await rig.streams.append("s", [1]);
  expect(await (await within(polled, "an answer")).json()).toEqual([1]);
  const closing = fetch(rig.url("s", "offset=now&live=long-poll"));
  await until(() => rig.watchers > 0, "a poll");
  await rig.streams.append("s", [], { close: true });
  expect((await within(closing, "an answer")).headers.get("Stream-Closed")).toBe("true");
});

test("what is produced is told to stop though the log has not called", async () => {
  await using rig = await startDeaf();
  const producers = new Producers(overLog(rig.log, { watch: () => () => {} }), { leaseMs: 60 });
  for (const [name, stop] of [
    ["closed", () => rig.streams.append("closed", [], { close: true })],
    ["deleted", () => rig.log.delete("deleted")],
  ] as const) {
    let signal: AbortSignal | undefined;
    const production = await producers.begin(
      name,
      async (context) => {
        signal = context.signal;
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
      {},
    );
    await stop();
    await within(production!.ended, "the end");
    expect(signal!.reason).toMatchObject({ status: 410 });
  }
  await producers.close();
});

test("one look is for all who wait for a stream, and none is for nobody", async () => {
  await using rig = await startDeaf({ pollIntervalMs: 50, longPollTimeoutMs: 10_000 });
  await rig.put("s", "application/json");
  const readers = Array.from(
    { length: 40 },
    (_, n) => new EventReader(rig.url("s", n % 2 ? "" : "offset=-1&live=sse")),
  );
  const connections = readers.map((reader) => reader.connect());
  const polled = Promise.all(Array.from({ length: 40 }, () => fetch(rig.url("s", "offset=-1&live=long-poll"))));
  await until(() => readers.every(({ told, lastEventId }) => told.length > 0 || lastEventId !== ""), "all readers");
  expect(rig.watchers).toBe(1);
  const before = infos;
  await lapse(500);
  expect(infos - before).toBeGreaterThan(2);
  expect(infos - before).toBeLessThanOrEqual(11);
  await rig.streams.append("s", [1], { close: true });
  await within(Promise.all(connections), "the end of all");
  await polled;
  await rig.untilUnwatched();
  const after = infos;
  await lapse(150);
  expect(infos).toBe(after);
});
