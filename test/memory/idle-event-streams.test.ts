import { expect, it } from "vitest";
import { MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import type { Memory } from "../faults/support/child-server.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until } from "../faults/support/deadline.ts";
import { ran, scaled } from "../faults/support/scale.ts";
import { leave } from "./stalled-readers.ts";

const READERS = scaled(1000, 10_000);
/** Those who are there before, so that what a process needs once is not counted. */
const FIRST_READERS = 500;
/** Than the same generator sent by plain `node:http`, in what can be reached. RSS moves by whole pages, and is only told. */
const MOST_TIMES_PLAIN = 1.5;

interface PerReader {
  rssBytes: number;
  /** What can be reached: the heap, and buffers outside it. */
  heldBytes: number;
}

async function measure(kind: "sluice" | "generator" | "bare"): Promise<PerReader> {
  await using server = await startChild(new URL("./servers/idle-events.ts", import.meta.url), {
    argument: kind,
    ...MEASURED_MEMORY,
  });
  const open = async (count: number): Promise<Connection[]> => {
    const readers: Connection[] = [];
    while (readers.length < count) {
      const batch = Array.from({ length: Math.min(200, count - readers.length) }, () =>
        Connection.open(server.port, get("/", { Accept: "text/event-stream" }), { keep: false }),
      );
      readers.push(...(await Promise.all(batch)));
    }
    await until(() => readers.every((reader) => reader.count > 100), "every reader's first event", 20_000);
    return readers;
  };
  await leave(server, await open(READERS / 2));
  const first = await open(FIRST_READERS);
  const before = await server.ask<Memory>("memory");
  const readers = await open(READERS);
  expect(await server.ask("active")).toBe(FIRST_READERS + READERS);
  const during = await server.ask<Memory>("memory");
  await leave(server, [...first, ...readers]);
  const held = ({ heapBytes, externalBytes }: Memory): number => heapBytes + externalBytes;
  return {
    rssBytes: (during.rssBytes - before.rssBytes) / READERS,
    heldBytes: (held(during) - held(before)) / READERS,
  };
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

it(
  `an idle event stream holds less than ${MOST_TIMES_PLAIN} × what plain node:http does`,
  { timeout: 240_000 },
  async () => {
    const bare = await measure("bare");
    const plain = await measure("generator");
    const sluice = await measure("sluice");
    const line = (name: string, { heldBytes, rssBytes }: PerReader): string =>
      `${name} holds ${kib(heldBytes)}, RSS ${kib(rssBytes)} ` +
      `(Sluice × ${(sluice.heldBytes / heldBytes).toFixed(2)}, RSS × ${(sluice.rssBytes / rssBytes).toFixed(2)})`;
    ran(
      `${READERS} idle event streams: each of Sluice holds ${kib(sluice.heldBytes)}, RSS ${kib(sluice.rssBytes)}; ` +
        `${line("the same generator on node:http", plain)}; ${line("node:http without any source", bare)}`,
    );
    expect(sluice.heldBytes / plain.heldBytes).toBeLessThan(MOST_TIMES_PLAIN);
    expect(sluice.heldBytes).toBeLessThan(16 * 1024);
  },
);
