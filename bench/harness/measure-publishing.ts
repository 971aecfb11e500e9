import { setTimeout as wait } from "node:timers/promises";
import type { ReadOptions } from "./client.ts";
import { type Measured, measured } from "./measure.ts";
import type { RunningServer } from "./server.ts";
import type { Bench } from "./types.ts";

const TIMEOUT_MS = 120_000;

/** Publishes to readers that are there already: connecting them is not measured. */
export async function measurePublishing(server: RunningServer, bench: Bench, options: ReadOptions): Promise<Measured> {
  const readers = await bench.client.hold(server.port, { timeoutMs: TIMEOUT_MS, publish: "/publish", ...options });
  await wait(1000);
  return measured(server, () => readers.tell());
}
