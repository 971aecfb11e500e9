import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Child, MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import type { Fill } from "./servers/streams.ts";
import { leave, openStalledReaders, readFast } from "./stalled-readers.ts";

const MIB = 2 ** 20;
/** 200 MB. */
const LARGE: Fill = { name: "large", contentType: "text/plain", messages: 3052, messageBytes: 65_536, close: true };
const SMALL: Fill = {
  name: "small",
  contentType: "text/plain",
  messages: scaled(MIB / 8, MIB),
  messageBytes: 1,
  close: true,
};

const folder = mkdtempSync(join(tmpdir(), "sluice-streams-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A log that has streams, opened by a process that has not written them where it is in a file. */
async function open(where: "in memory" | "in SQLite", ...fills: Fill[]): Promise<Child> {
  const file = new URL("./servers/streams.ts", import.meta.url);
  const argument = where === "in memory" ? {} : { path: join(mkdtempSync(join(folder, "log-")), "streams.db") };
  const fillAll = async (child: Child): Promise<void> => {
    for (const fill of fills) await child.ask("fill", fill);
  };
  if (where === "in SQLite") {
    await using writer = await startChild(file, { argument });
    await fillAll(writer);
    await writer.ask("close");
  }
  const child = await startChild(file, { argument, ...MEASURED_MEMORY });
  if (where === "in memory") await fillAll(child);
  return child;
}

const EVENTS = { Accept: "text/event-stream" };
const held = ({ heapBytes, externalBytes }: Memory): number => heapBytes + externalBytes;

/** What `count` readers cost who ask, and take nothing. */
async function measure(
  server: Child,
  target: string,
  count: number,
  fields: Record<string, string> = EVENTS,
): Promise<{ heldBytes: number; rssBytes: number }> {
  // What is made once is there: code is compiled, pages of the database are in its cache.
  for (let round = 0; round < 2; round++) await leave(server, await openStalledReaders(server, target, count, fields));
  const before = await server.ask<Memory>("memory");
  const readers = await openStalledReaders(server, target, count, fields);
  const during = await server.ask<Memory>("memory");
  await leave(server, readers);
  const growth = { heldBytes: held(during) - held(before), rssBytes: during.rssBytes - before.rssBytes };
  ran(`${count} stalled readers of ${target}: held ${toGrowth(growth.heldBytes)}, RSS ${toGrowth(growth.rssBytes)}`);
  return growth;
}

describe.each(["in memory", "in SQLite"] as const)("readers of a log %s", { timeout: 240_000 }, (where) => {
  test("who take nothing of a stream of 200 MB cost less than 4 MiB, four of them", async () => {
    await using server = await open(where, LARGE);
    for (const [target, fields] of [
      ["/v1/stream/large", EVENTS],
      ["/v1/stream/large?offset=-1&live=sse", {}],
      ["/v1/stream/?stream=large", EVENTS],
    ] as const) {
      const { heldBytes, rssBytes } = await measure(server, target, 4, fields);
      expect(heldBytes).toBeLessThan(2 * MIB);
      expect(rssBytes).toBeLessThan(4 * MIB);
    }
  });

  test("who take nothing of a stream of messages of one byte cost less than 16 MiB, twenty of them", async () => {
    await using server = await open(where, SMALL);
    for (const [target, fields] of [
      ["/v1/stream/small", EVENTS],
      ["/v1/stream/small?offset=-1&live=sse", {}],
    ] as const) {
      const { heldBytes, rssBytes } = await measure(server, target, 20, fields);
      expect(heldBytes).toBeLessThan(8 * MIB);
      expect(rssBytes).toBeLessThan(16 * MIB);
    }
  });
});

/** Reads page by page. @returns how many bytes */
async function readPages(url: string): Promise<number> {
  let read = 0;
  for (let offset = "-1"; ;) {
    const page = await fetch(`${url}?offset=${offset}`);
    read += (await page.arrayBuffer()).byteLength;
    offset = page.headers.get("Stream-Next-Offset")!;
    if (page.headers.has("Stream-Up-To-Date")) return read;
  }
}

test("all of a stream of 200 MB is read within 32 MiB more than are idle", { timeout: 240_000 }, async () => {
  await using server = await open("in SQLite", LARGE);
  const { pid } = server.process;
  const bytes = LARGE.messages * LARGE.messageBytes;
  const pages = async (): Promise<unknown> => expect(await readPages(`${server.url}/v1/stream/large`)).toBe(bytes);
  const events = (target: string): Promise<unknown> => readFast(server, target, EVENTS);
  const told: string[] = [];
  let most = 0;
  for (const [what, read] of [
    ["in pages", pages],
    ["as events", () => events("/v1/stream/large")],
    ["as events of the protocol", () => events("/v1/stream/large?offset=-1&live=sse")],
  ] as const) {
    // A process that has served before: what V8 allows itself is there.
    await read();
    const { rssBytes } = await server.ask<Memory>("memory");
    // From now on the kernel's high-water mark counts anew (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    await read();
    const [, peak] = /^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
    const growth = Number(peak) * 1024 - rssBytes;
    told.push(`${what} ${toGrowth(growth)}`);
    most = Math.max(most, growth);
  }
  ran(`RSS at most, while all of ${toMiB(bytes)} were read: ${told.join(", ")}`);
  expect(most).toBeLessThan(32 * MIB);
});
