import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Connection, get } from "../faults/support/connection.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { type Child, MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import { until } from "../faults/support/deadline.ts";
import { ran, toGrowth } from "../faults/support/scale.ts";

const ENTRIES = 100_000;
/** Of RSS and of the heap, for whatever number of entries: their text alone is 11 MB. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const SLEEPERS = 20;

let folder: string;
let child: Child;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-listing-"));
  for (let index = 0; index < ENTRIES; index++) {
    writeFileSync(join(folder, `an-entry-with-a-name-of-some-length-${index}.txt`), "");
  }
  child = await startChild(new URL("./servers/listing.ts", import.meta.url), { argument: folder, ...MEASURED_MEMORY });
}, 60_000);
afterAll(async () => {
  await child[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test("100,000 entries are listed in constant memory", { timeout: 90_000 }, async () => {
  // What is made once is there: the code is compiled, the threads run.
  await fetch(`${child.url}/missing`);
  {
    using first = await Connection.open(child.port, get("/"), { keep: false });
    await first.receives(100_000);
  }
  const before = await child.ask<Memory>("memory");
  const response = await fetch(child.url);
  const entries = (await response.json()) as { name: string }[];
  expect(new Set(entries.map(({ name }) => name)).size).toBe(ENTRIES);
  const after = await child.ask<Memory>("memory");
  ran(`a listing of ${ENTRIES} entries: peak RSS ${toGrowth(after.peakRssBytes - before.rssBytes)}`);
  expect(after.peakRssBytes - before.rssBytes).toBeLessThan(MAX_GROWTH_BYTES);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(MAX_GROWTH_BYTES / 8);
});

test(
  "readers who sleep in the middle of a listing cost a batch each, and leave nothing behind",
  { timeout: 60_000 },
  async () => {
    const descriptors = await child.ask<number>("descriptors");
    const before = await child.ask<Memory>("memory");
    const sleepers: Connection[] = [];
    for (let index = 0; index < SLEEPERS; index++) {
      sleepers.push(await Connection.open(child.port, get("/"), { keep: false, paused: true }));
    }
    await until(async () => (await child.ask<number>("active")) === SLEEPERS, "all listings");
    // Each has its folder open.
    await until(async () => (await child.ask<number>("descriptors")) >= descriptors + 2 * SLEEPERS, "open folders");
    const during = await child.ask<Memory>("memory");
    expect(during.rssBytes - before.rssBytes).toBeLessThan(MAX_GROWTH_BYTES);
    for (const sleeper of sleepers) sleeper.reset();
    await until(async () => (await child.ask<number>("descriptors")) <= descriptors, "closing every folder", 2_000);
    expect(await child.ask<number>("active")).toBe(0);
    expect(child.stderr).not.toContain("Warning");
  },
);
