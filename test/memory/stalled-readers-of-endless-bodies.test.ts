import { describe, expect, it } from "vitest";
import { type Child, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { ran, toMiB } from "../faults/support/scale.ts";
import { leave, openStalledReaders } from "./stalled-readers.ts";

const READERS = 200;
const MIB = 2 ** 20;

function startServer(): Promise<Child> {
  return startChild(new URL("./servers/endless-bodies.ts", import.meta.url), { argument: {} });
}

/** RSS growth from {@link READERS} stalled readers, after a first few have warmed the server up. */
async function measure(server: Child, target: string, fields: Record<string, string> = {}): Promise<number> {
  await leave(server, await openStalledReaders(server, target, 10, fields));
  const before = await server.ask<Memory>("memory");
  const startedAt = performance.now();
  const readers = await openStalledReaders(server, target, READERS, fields);
  const during = await server.ask<Memory>("memory");
  const produced = await server.ask<number>("produced");
  const growth = during.rssBytes - before.rssBytes;
  const budget = await server.ask<number>("budget");
  await leave(server, readers);
  ran(
    `${READERS} stalled readers of ${target} ${Object.values(fields).join()}: RSS +${toMiB(growth)} ` +
      `(peak ${toMiB(during.peakRssBytes)}, budget ${toMiB(budget)}) while ${toMiB(produced)} were produced, ` +
      `${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
  );
  expect(await server.ask("budget")).toBe(0);
  return growth;
}

describe(`${READERS} stalled readers of an endless body`, () => {
  it.each(["fresh-64k", "small-strings", "shared-1m"])(
    "cost less than 32 MiB (%s)",
    { timeout: 90_000 },
    async (source) => {
      await using server = await startServer();
      expect(await measure(server, `/${source}`)).toBeLessThan(32 * MIB);
    },
  );

  it("cost one item each where every item is a new buffer of 1 MiB", { timeout: 90_000 }, async () => {
    await using server = await startServer();
    expect(await measure(server, "/fresh-1m")).toBeLessThan((READERS + 32) * MIB);
  });

  it.each(["zstd", "br", "gzip"])("cost no more than the budget where they are compressed (%s)", { timeout: 90_000 }, async (coding) => {
    await using server = await startChild(new URL("./servers/endless-bodies.ts", import.meta.url), {
      argument: { compress: true },
    });
    expect(await measure(server, "/noise", { "Accept-Encoding": coding })).toBeLessThan((64 + 32) * MIB);
  });
});
