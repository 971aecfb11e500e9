import { createHash } from "node:crypto";
import { get as httpGet } from "node:http";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { type Child, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { until, within } from "../faults/support/deadline.ts";
import { ran, toGrowth, toMiB } from "../faults/support/scale.ts";

/** A second copy of the item would be 95 MiB, or more. */
const MOST_GROWTH_BYTES = 40 * 2 ** 20;

async function request(server: Child, target: string): Promise<IncomingMessage> {
  return within(
    new Promise((resolve, reject) => {
      httpGet(`${server.url}${target}`, { agent: false }, resolve).once("error", reject);
    }),
    `${target} is answered`,
    5000,
  );
}

/** The slowest of `count` requests beside whatever goes on, in ms. */
async function pings(server: Child, count: number): Promise<number> {
  let slowest = 0;
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    const response = await request(server, "/ping");
    response.resume();
    await within(new Promise((resolve) => response.once("end", resolve)), "/ping ends", 5000);
    slowest = Math.max(slowest, performance.now() - startedAt);
  }
  return slowest;
}

describe.each(["buffer", "string"])("one item of 100 MB, a %s", (kind) => {
  it("arrives whole, is not copied, and is the only pull until it has gone; others are served meanwhile", async () => {
    await using server = await startChild(new URL("./servers/large-item.ts", import.meta.url), { argument: kind });
    const expected = await server.ask<{ sha256: string; bytes: number }>("expected");
    await pings(server, 3);
    const before = await server.ask<Memory>("memory");
    const peakBefore = Math.max(before.rssBytes, before.peakRssBytes);
    expect(before.rssBytes, "the item itself is in the baseline").toBeGreaterThan(95 * 2 ** 20);
    expect(peakBefore - before.rssBytes, "making it took no more").toBeLessThan(MOST_GROWTH_BYTES);

    const startedAt = performance.now();
    const response = await request(server, "/");
    const hash = createHash("sha256");
    let bytes = 0;
    let ended = false;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    response.on("end", () => (ended = true));
    await until(() => bytes > 1_000_000, "the first megabyte arrives", 5000);
    response.pause();
    const whilePausedMs = await pings(server, 20);
    expect(await server.ask("state")).toEqual({ pulls: 1 });
    response.resume();
    const whileFlowingMs = await pings(server, 5);
    await until(() => ended, "all of it arrives", 30_000);
    const seconds = (performance.now() - startedAt) / 1000;

    expect(bytes).toBe(expected.bytes);
    expect(hash.digest("hex")).toBe(expected.sha256);
    await until(async () => (await server.ask<{ outcome?: string }>("state")).outcome, "the response ends", 2000);
    expect(await server.ask("state")).toEqual({ pulls: 2, outcome: "completed" });
    expect(await server.ask("budget")).toBe(0);
    const { rssBytes, peakRssBytes } = await server.ask<Memory>("memory");
    ran(
      `a ${kind} of ${toMiB(bytes)} in ${seconds.toFixed(1)} s: RSS ${toGrowth(rssBytes - before.rssBytes)}, ` +
        `peak ${toGrowth(peakRssBytes - peakBefore)}; slowest request beside it ` +
        `${Math.max(whilePausedMs, whileFlowingMs).toFixed(0)} ms`,
    );
    expect(peakRssBytes - peakBefore).toBeLessThan(MOST_GROWTH_BYTES);
    expect(Math.max(whilePausedMs, whileFlowingMs)).toBeLessThan(1000);
  });
});
