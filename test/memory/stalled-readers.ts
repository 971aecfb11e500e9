import { type Child, MEASURED_MEMORY, startChild } from "../faults/support/child.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until, within } from "../faults/support/deadline.ts";

/** A server of endless bodies, in a process whose RSS tells what it holds. */
export function startEndlessBodies(argument: { maxBufferedBytes?: number; compress?: boolean } = {}): Promise<Child> {
  const file = new URL("./servers/endless-bodies.ts", import.meta.url);
  return startChild(file, { argument, ...MEASURED_MEMORY });
}

/** Reads a finite body to its end, as fast as it comes. @returns seconds */
export async function readFast(server: Child, target: string, fields: Record<string, string> = {}): Promise<number> {
  const startedAt = performance.now();
  using reader = await Connection.open(server.port, get(target, { ...fields, Connection: "close" }), { keep: false });
  await within(new Promise((resolve) => reader.socket.once("close", resolve)), `${target} ends`, 60_000);
  if (reader.ended !== "FIN") throw new Error(`${target} ended with ${reader.ended}`);
  return (performance.now() - startedAt) / 1000;
}

/** Brings a server to the memory that it works with: its code is compiled, and its allocators have seen the load. */
export async function warmUp(
  server: Child,
  target: string,
  bytes: number,
  fields?: Record<string, string>,
): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from({ length: 10 }, () => readFast(server, `${target}?bytes=${Math.ceil(bytes / 30)}`, fields)),
    );
  }
}

/** Opens readers that ask and then take nothing, and waits until their server has nothing left to do for them. */
export async function openStalledReaders(
  server: Child,
  target: string,
  count: number,
  fields: Record<string, string> = {},
): Promise<Connection[]> {
  const before = await server.ask<number>("active");
  const readers: Connection[] = [];
  while (readers.length < count) {
    const batch = Array.from({ length: Math.min(100, count - readers.length) }, () =>
      Connection.open(server.port, get(target, fields), { keep: false, paused: true }),
    );
    readers.push(...(await Promise.all(batch)));
  }
  await until(async () => (await server.ask("active")) === before + count, "all requests are answered", 20_000);
  await stopsProducing(server);
  return readers;
}

/** Waits until nothing more is pulled for half a second. */
async function stopsProducing(server: Child): Promise<void> {
  let produced = -1;
  let since = performance.now();
  await until(
    async () => {
      const now = await server.ask<number>("produced");
      if (now !== produced) since = performance.now();
      produced = now;
      return performance.now() - since > 500;
    },
    "every connection is full",
    90_000,
  );
}

/** Sends all of them away, and waits until the server has noticed. */
export async function leave(server: Child, readers: Connection[]): Promise<void> {
  for (const reader of readers) reader.reset();
  await until(async () => (await server.ask("active")) === 0, "every response has ended", 10_000);
}
