import { setTimeout as lapse } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { within } from "../helpers/deadline.ts";
import { type Child, MEASURED_MEMORY, startChild } from "./support/child.ts";
import type { Memory } from "./support/child-server.ts";
import { Connection, get } from "./support/connection.ts";
import { until } from "./support/deadline.ts";
import { seededRandom } from "./support/random.ts";
import { ran, scaled, toGrowth } from "./support/scale.ts";

const MIB = 2 ** 20;
/** Within a minute. */
const LEAVERS = scaled(1_500, 10_000);
const AT_ONCE = 50;
/** Nothing comes of it, not even a head. */
const SILENT = "/v1/stream/long?offset=now&live=long-poll";

/** What is asked for: by all kinds of readers, of streams that are written, idle, long, and not there. */
const ASKED: [target: string, fields?: Record<string, string>][] = [
  ...["busy", "idle", "long"].flatMap((name): typeof ASKED => [
    [`/v1/stream/${name}`, { Accept: "text/event-stream" }],
    [`/v1/stream/${name}?offset=now&live=sse`],
    [`/v1/stream/${name}?offset=-1&live=sse`],
    [`/v1/stream/${name}?offset=${name === "idle" ? "-1" : "now"}&live=long-poll`],
    [`/v1/stream/${name}`],
  ]),
  ["/v1/stream/?stream=busy&stream=idle&stream=long", { Accept: "text/event-stream" }],
  ["/v1/stream/nothing?offset=-1&live=sse"],
];

/** Whether there is much at once. */
function isLong(target: string): boolean {
  return /[/=]long\b(?!-)/u.test(target) && !target.includes("offset=now");
}

/** Comes, and leaves: at once, after a while, or when it has seen something. @returns the bytes that it saw */
async function visit(server: Child, random: () => number): Promise<number> {
  const [target, fields] = ASKED[Math.floor(random() * ASKED.length)]!;
  const paused = random() < 0.2;
  const connection = await Connection.open(server.port, get(target, fields), { keep: false, paused });
  const stays = random();
  if (stays < 0.3) await lapse(30 * random());
  else if (stays < 0.7 && !paused && target !== SILENT)
    await connection.receives(1 + Math.floor(20_000 * random()) * Number(isLong(target)));
  if (random() < 0.5) connection.reset();
  else connection.close();
  return connection.count;
}

/** @returns the bytes that they saw */
async function visitAll(server: Child, count: number, random: () => number): Promise<number> {
  let bytes = 0;
  let left = count;
  const visitor = async (): Promise<void> => {
    while (left-- > 0) bytes += await visit(server, random);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
  return bytes;
}

async function settle(server: Child): Promise<Memory> {
  await until(async () => (await server.ask("active")) === 0, "the end of all answers", 5_000);
  await until(async () => (await server.ask("watchers")) === 0, "nobody watching", 5_000);
  return server.ask<Memory>("memory");
}

describe("readers who come and leave again", () => {
  test(`leave nothing behind, ${LEAVERS} of them within a minute`, { timeout: 180_000 }, async () => {
    await using server = await startChild(new URL("../memory/servers/streams.ts", import.meta.url), {
      argument: {},
      ...MEASURED_MEMORY,
    });
    const random = seededRandom(5);
    const filled = { contentType: "text/plain", messageBytes: 1000, close: false };
    for (const [name, messages] of [
      ["busy", 10],
      ["idle", 10],
      ["long", 20_000],
    ] as const) {
      await server.ask("fill", { ...filled, name, messages });
    }
    const over = new AbortController();
    const writing = (async () => {
      while (!over.signal.aborted) {
        await server.ask("append", { name: "busy", text: "x" });
        await lapse(5);
      }
    })();
    await visitAll(server, 1_000, random);
    const before = await server.ask<Memory>("memory");
    const [descriptors, resources] = [await server.ask<number>("descriptors"), await server.ask<string[]>("resources")];
    const startedAt = performance.now();
    const bytes = await within(visitAll(server, LEAVERS, random), "the last of them", 60_000);
    const tookMs = performance.now() - startedAt;
    over.abort();
    await writing;
    const after = await settle(server);
    const growth = after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes;
    ran(
      `${LEAVERS} readers came and left within ${(tookMs / 1000).toFixed(1)} s, and saw ${bytes} bytes: ` +
        `held ${toGrowth(growth)}, RSS ${toGrowth(after.rssBytes - before.rssBytes)}`,
    );
    // What the first thousand have left behind was counted while some were still leaving.
    expect(bytes).toBeGreaterThan(LEAVERS * 100);
    expect(growth).toBeLessThan(2 * MIB);
    expect(await server.ask<number>("descriptors")).toBeLessThanOrEqual(descriptors);
    const timers = (names: readonly string[]): number => names.filter((name) => name === "Timeout").length;
    expect(timers(await server.ask<string[]>("resources"))).toBeLessThanOrEqual(timers(resources) + 1);
    expect(await server.ask("budget")).toBe(0);
    expect(server.stderr).not.toContain("Warning [");
  });
});
