import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Child, startChild } from "./support/child.ts";
import type { Memory } from "./support/child-server.ts";
import { Connection, get } from "./support/connection.ts";
import { lapse, until } from "./support/deadline.ts";
import { seededRandom } from "./support/random.ts";
import { ran, scaled, toGrowth } from "./support/scale.ts";

const REQUESTS = scaled(2000, 10_000);
const AT_A_TIME = 50;
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

interface Account {
  begun: number;
  cleanedUp: number;
  outcomes: Record<string, number>;
}

interface State {
  descriptors: number;
  resources: string[];
  heapBytes: number;
  held: number;
}

let folder: string;
let server: Child;
let routes: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-aborted-"));
  const file = join(folder, "lines.txt");
  writeFileSync(file, "a line of a file that is long enough to fill a connection\n".repeat(200_000));
  server = await startChild(new URL("./servers/abortable-bodies.ts", import.meta.url), { argument: { file } });
  routes = await server.ask("routes");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Asks, and leaves: at once, after some time, or after some bytes; read or unread; politely or not. */
async function abortOne(random: () => number): Promise<void> {
  const route = routes[Math.floor(random() * routes.length)]!;
  const request = get(route, { "Accept-Encoding": "gzip" });
  using connection = await Connection.open(server.port, request, { keep: false, paused: random() < 0.3 });
  const moment = random();
  if (moment < 0.2) await lapse(0);
  else if (moment < 0.6) await lapse(random() * 40);
  else {
    const bytes = 1 + random() * 100_000;
    const dueAt = performance.now() + 40;
    while (connection.count < bytes && performance.now() < dueAt) await lapse(1);
  }
  if (random() < 0.5) connection.reset();
}

async function abortMany(count: number, random: () => number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await abortOne(random);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  await until(async () => (await server.ask("active")) === 0, "every response ends", 3000);
  await until(
    async () => {
      const { begun, cleanedUp } = await server.ask<Account>("account");
      return begun === cleanedUp;
    },
    "every source is cleaned up",
    3000,
  );
}

async function state(): Promise<State> {
  // Connections that are closed on our side may take a moment to be closed on the other.
  await until(
    async () => {
      const resources = await server.ask<string[]>("resources");
      return !resources.includes("TCPSocketWrap");
    },
    "all connections are closed",
    3000,
  );
  const { heapBytes } = await server.ask<Memory>("memory");
  return {
    descriptors: await server.ask("descriptors"),
    resources: await server.ask("resources"),
    heapBytes,
    held: await server.ask("held"),
  };
}

it(`leaves nothing behind of ${REQUESTS} aborted requests`, { timeout: 240_000 }, async () => {
  const random = seededRandom(SEED);
  await abortMany(300, random);
  const before = await state();
  const startedAt = performance.now();
  await abortMany(REQUESTS, random);
  const after = await state();
  const { begun, outcomes } = await server.ask<Account>("account");
  ran(
    `${REQUESTS} aborted requests (SEED=${SEED}) in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: ` +
      `${begun} sources, outcomes ${JSON.stringify(outcomes)}, heap ${toGrowth(after.heapBytes - before.heapBytes)}, ` +
      `${after.descriptors} descriptors, ${after.held} sources held`,
  );
  expect(after.descriptors, "file descriptors").toBe(before.descriptors);
  expect(after.resources, "what keeps the process alive").toEqual(before.resources);
  expect(after.heapBytes - before.heapBytes, "the heap").toBeLessThan(2 * 2 ** 20);
  // A body that was never opened would be held for 30 s.
  expect(after.held, "sources that can still be reached").toBeLessThan(20);
  expect(await server.ask("budget")).toBe(0);
  // Discarded: the reader had left before the handler answered.
  expect(Object.keys(outcomes).toSorted()).toEqual(["aborted", "completed", "discarded"]);
  expect(server.stderr, "warnings").toBe("");
});
