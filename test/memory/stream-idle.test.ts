import { describe, expect, test } from "vitest";
import { type Child, MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until } from "../faults/support/deadline.ts";
import { ran, scaled } from "../faults/support/scale.ts";
import { leave } from "./stalled-readers.ts";

const READERS = scaled(2000, 10_000);
/** Those who are there before, so that what a process needs once is not counted. */
const FIRST_READERS = 500;
/** What a reader who waits at a stream's end may cost beside what Node itself needs for his connection, in bytes. */
const MOST_OVER_NODE = 12 * 1024;

interface PerReader {
  rssBytes: number;
  /** What can be reached: the heap, and buffers outside it. */
  heldBytes: number;
}

async function openReaders(server: Child, request: string, count: number): Promise<Connection[]> {
  const readers: Connection[] = [];
  while (readers.length < count) {
    const batch = Array.from({ length: Math.min(200, count - readers.length) }, () =>
      Connection.open(server.port, request, { keep: false }),
    );
    readers.push(...(await Promise.all(batch)));
  }
  await until(() => readers.every((reader) => reader.count > 100), "every reader's head", 20_000);
  return readers;
}

async function measure(server: Child, target: string, fields: Record<string, string> = {}): Promise<PerReader> {
  const request = get(target, fields);
  const held = ({ heapBytes, externalBytes }: Memory): number => heapBytes + externalBytes;
  await leave(server, await openReaders(server, request, READERS / 2));
  const first = await openReaders(server, request, FIRST_READERS);
  const before = await server.ask<Memory>("memory");
  const readers = await openReaders(server, request, READERS);
  expect(await server.ask("active")).toBe(FIRST_READERS + READERS);
  const during = await server.ask<Memory>("memory");
  await leave(server, [...first, ...readers]);
  return {
    rssBytes: (during.rssBytes - before.rssBytes) / READERS,
    heldBytes: (held(during) - held(before)) / READERS,
  };
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
const EVENTS = { Accept: "text/event-stream" };

describe(`${READERS} readers at a stream's end`, { timeout: 240_000 }, () => {
  test(`cost no more than ${kib(MOST_OVER_NODE)} each beside Node's own`, async () => {
    const told: string[] = [];
    const tell = (who: string, { heldBytes, rssBytes }: PerReader): void =>
      void told.push(`${who} ${kib(heldBytes)} held, RSS ${kib(rssBytes)}`);
    let plain: PerReader;
    {
      await using node = await startChild(new URL("./servers/idle-events.ts", import.meta.url), {
        argument: "bare",
        ...MEASURED_MEMORY,
      });
      plain = await measure(node, "/", EVENTS);
      tell("node:http", plain);
    }
    for (const [who, target, fields] of [
      ["EventSource", "/v1/stream/s", EVENTS],
      ["live=sse", "/v1/stream/s?offset=now&live=sse", {}],
    ] as const) {
      await using server = await startChild(new URL("./servers/streams.ts", import.meta.url), {
        argument: {},
        ...MEASURED_MEMORY,
      });
      await server.ask("append", { name: "s", text: "the first event" });
      const own = await measure(server, target, fields);
      tell(who, own);
      expect(own.heldBytes - plain.heldBytes, who).toBeLessThan(MOST_OVER_NODE);
      expect(own.rssBytes - plain.rssBytes, who).toBeLessThan(MOST_OVER_NODE);
    }
    ran(`${READERS} idle readers, each: ${told.join("; ")}`);
  });
});
