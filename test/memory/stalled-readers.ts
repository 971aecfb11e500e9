import type { Child } from "../faults/support/child.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until } from "../faults/support/deadline.ts";

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
  await until(20_000, "all requests are answered", async () => (await server.ask("active")) === before + count);
  await stopsProducing(server);
  return readers;
}

/** Waits until nothing more is pulled for half a second. */
async function stopsProducing(server: Child): Promise<void> {
  let produced = -1;
  let since = performance.now();
  await until(60_000, "every connection is full", async () => {
    const now = await server.ask<number>("produced");
    if (now !== produced) since = performance.now();
    produced = now;
    return performance.now() - since > 500;
  });
}

/** Sends all of them away, and waits until the server has noticed. */
export async function leave(server: Child, readers: Connection[]): Promise<void> {
  for (const reader of readers) reader.reset();
  await until(10_000, "every response has ended", async () => (await server.ask("active")) === 0);
}
