import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Child, startChild } from "./support/child.ts";
import { Connection, get } from "./support/connection.ts";
import { lapse, until, within } from "./support/deadline.ts";
import { ran } from "./support/scale.ts";

const WATCHED_MS = 600;
/** Far above what is measured on an idle machine (under 20 ms), far below "when the source has ended" (never). */
const MOST_LAG_MS = 250;

interface Counts {
  pulls: number;
  aborts: number;
  finallys: number;
  outcomes: string[];
}

let server: Child;

beforeAll(async () => {
  server = await startChild(new URL("./servers/endless-sources.ts", import.meta.url));
});
afterAll(() => server[Symbol.asyncDispose]());

async function ping(): Promise<number> {
  const startedAt = performance.now();
  using connection = await within(Connection.open(server.port, get("/ping")), "the connection stands", 5000);
  await connection.sees("pong");
  return performance.now() - startedAt;
}

async function readBeside(target: string, readers: number): Promise<{ lagMs: number; pingMs: number }> {
  const before = await server.ask<Counts>("counts");
  const connections = await Promise.all(
    Array.from({ length: readers }, () => Connection.open(server.port, get(target), { keep: false })),
  );
  await until(async () => (await server.ask<Counts>("counts")).pulls > before.pulls + 100, "the sources run", 5000);
  await server.ask("lag");
  let pingMs = 0;
  const watchedUntil = performance.now() + WATCHED_MS;
  while (performance.now() < watchedUntil) {
    pingMs = Math.max(pingMs, await ping());
    await lapse(20);
  }
  const lagMs = await server.ask<number>("lag");
  for (const connection of connections) connection.reset();
  await until(
    async () => {
      const { aborts, finallys, outcomes } = await server.ask<Counts>("counts");
      return (
        aborts === before.aborts + readers &&
        finallys === before.finallys + readers &&
        outcomes.length === before.outcomes.length + readers
      );
    },
    "every abort is seen, and every source closed",
    2000,
  );
  return { lagMs, pingMs };
}

describe("beside an endless source that never waits", () => {
  for (const source of ["strings", "buffers", "empty-strings", "async-never-waiting"]) {
    for (const readers of [1, 20]) {
      it(`${readers} × ${source}: timers fire, aborts are seen, other requests are served`, async () => {
        const { lagMs, pingMs } = await readBeside(`/${source}`, readers);
        ran(`${readers} × ${source}: latest timer ${lagMs.toFixed(0)} ms, slowest request ${pingMs.toFixed(0)} ms`);
        expect(lagMs).toBeLessThan(MOST_LAG_MS);
        expect(pingMs).toBeLessThan(MOST_LAG_MS * 4);
        const { outcomes } = await server.ask<Counts>("counts");
        expect(new Set(outcomes)).toEqual(new Set(["aborted"]));
      });
    }
  }
});
