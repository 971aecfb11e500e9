import { expect, it } from "vitest";
import type { Memory } from "../faults/support/child-server.ts";
import { ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import { leave, openStalledReaders, readFast, startEndlessBodies, warmUp } from "./stalled-readers.ts";

const MIB = 2 ** 20;
const READERS = scaled(300, 1000);
const MAX_BUFFERED_BYTES = MIB;
const FAST_BYTES = 200 * MIB;
/** A chunk of 16 KiB, what Node keeps of a connection and its request, and some room. */
const MOST_BYTES_PER_READER = 64 * 1024;

it(
  `lets a fast reader have its throughput beside ${READERS} stalled ones that use up the budget`,
  { timeout: 180_000 },
  async () => {
    await using server = await startEndlessBodies({ maxBufferedBytes: MAX_BUFFERED_BYTES });
    await warmUp(server, "/small-strings", 100 * MIB);
    const target = `/small-strings?bytes=${FAST_BYTES}`;
    const aloneSeconds = Math.min(await readFast(server, target), await readFast(server, target));
    const before = await server.ask<Memory>("memory");

    const readers = await openStalledReaders(server, "/small-strings", READERS);
    const budget = await server.ask<number>("budget");
    expect(budget, "the budget is used up").toBeGreaterThan(MAX_BUFFERED_BYTES - 64 * 1024);
    expect(budget).toBeLessThanOrEqual(MAX_BUFFERED_BYTES);
    const besideSeconds = Math.min(await readFast(server, target), await readFast(server, target));
    const during = await server.ask<Memory>("memory");
    expect(await server.ask("active"), "nobody was cut").toBe(READERS);

    await leave(server, readers);
    expect(await server.ask("budget")).toBe(0);
    const growth = during.rssBytes - before.rssBytes;
    ran(
      `${READERS} stalled readers, a budget of ${toMiB(MAX_BUFFERED_BYTES)}: ${toMiB(FAST_BYTES)} took ` +
        `${besideSeconds.toFixed(2)} s beside them, ${aloneSeconds.toFixed(2)} s alone; RSS ${toGrowth(growth)}`,
    );
    expect(besideSeconds).toBeLessThan(aloneSeconds * 3 + 1);
    expect(growth).toBeLessThan(READERS * MOST_BYTES_PER_READER + 8 * MIB);
  },
);
