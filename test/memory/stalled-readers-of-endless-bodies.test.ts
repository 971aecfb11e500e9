import { describe, expect, it } from "vitest";
import type { Child } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { SOAK, ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import { leave, openStalledReaders, startEndlessBodies, warmUp } from "./stalled-readers.ts";

const MIB = 2 ** 20;
const WARM_UP_BYTES = 60 * MIB;

interface Growth {
  /** What can still be reached: the heap, and buffers outside it. */
  heldBytes: number;
  rssBytes: number;
}

/** What `count` stalled readers cost a server that has served fast ones before. */
async function measure(server: Child, target: string, count: number, coding?: string): Promise<Growth> {
  const fields: Record<string, string> = coding === undefined ? {} : { "Accept-Encoding": coding };
  await warmUp(server, target, WARM_UP_BYTES, fields);
  const before = await server.ask<Memory>("memory");
  const producedBefore = await server.ask<number>("produced");
  const startedAt = performance.now();
  const readers = await openStalledReaders(server, target, count, fields);
  const during = await server.ask<Memory>("memory");
  const produced = (await server.ask<number>("produced")) - producedBefore;
  const budget = await server.ask<number>("budget");
  await leave(server, readers);
  const after = await server.ask<Memory>("memory");
  const held = (memory: Memory): number => memory.heapBytes + memory.externalBytes;
  const growth = {
    heldBytes: held(during) - held(before),
    rssBytes: during.rssBytes - before.rssBytes,
  };
  ran(
    `${count} stalled readers of ${target}${coding === undefined ? "" : ` in ${coding}`}: held ${toGrowth(growth.heldBytes)}, ` +
      `RSS ${toGrowth(growth.rssBytes)}, ` +
      `budget ${toMiB(budget)}, while ${toMiB(produced)} were produced; ` +
      `held after they left ${toGrowth(held(after) - held(before))}; ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
  );
  expect(await server.ask("budget")).toBe(0);
  expect(held(after) - held(before), "what is held after they left").toBeLessThan(4 * MIB);
  return growth;
}

describe("stalled readers of an endless body", { timeout: 120_000 }, () => {
  it.each(["fresh-64k", "small-strings", "shared-1m"])("cost less than 32 MiB, 200 of them (%s)", async (source) => {
    await using server = await startEndlessBodies();
    const { heldBytes, rssBytes } = await measure(server, `/${source}`, 200);
    expect(heldBytes).toBeLessThan(24 * MIB);
    expect(rssBytes).toBeLessThan(32 * MIB);
  });

  it("cost one item each where every item is a new buffer of 1 MiB", async () => {
    const readers = scaled(50, 200);
    await using server = await startEndlessBodies();
    const { heldBytes, rssBytes } = await measure(server, "/fresh-1m", readers);
    expect(heldBytes).toBeLessThan((readers + 8) * MIB);
    expect(rssBytes).toBeLessThan((readers + 32) * MIB);
  });

  it.each(["zstd", "br", "gzip"])("cost no more than the budget where they are compressed (%s)", async (coding) => {
    const [readers, maxBufferedBytes] = SOAK ? [200, 64 * MIB] : [40, 12 * MIB];
    await using server = await startEndlessBodies({ compress: true, maxBufferedBytes });
    const { heldBytes, rssBytes } = await measure(server, "/noise", readers, coding);
    expect(heldBytes).toBeLessThan(24 * MIB);
    expect(rssBytes).toBeLessThan(maxBufferedBytes + 32 * MIB);
  });
});
