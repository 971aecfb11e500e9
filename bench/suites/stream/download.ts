/** What `chunks`, `lines` and `strings` share: a body read to its end as fast as it comes. */
import { measured, MIB } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Bench, Measurement, Row } from "../../harness/types.ts";

export interface Download {
  /** The `count` of the request. */
  count: number;
  requests: number;
  /** What all bodies together must have; a run with another number fails. */
  bodyBytes: number;
}

const TIMEOUT_MS = 120_000;

/** Reads the row's path; its numbers are per second, and CPU time per `unitsOfCpu` of them. */
export async function measureDownload(
  server: RunningServer,
  row: Row,
  { client }: Bench,
  { count, requests, bodyBytes }: Download,
  warmUpCount: number,
): Promise<{ cpuSeconds: number; seconds: number; mibPerSecond: number; common: Measurement }> {
  const { headers } = row;
  await client.read(server.port, { path: `${row.path}?count=${warmUpCount}`, headers, timeoutMs: TIMEOUT_MS });
  const { result, cpuSeconds, common } = await measured(server, () =>
    client.read(server.port, { path: `${row.path}?count=${count}`, headers, requests, timeoutMs: TIMEOUT_MS }),
  );
  if (result.bodyBytes !== bodyBytes) throw new Error(`${result.bodyBytes} bytes arrived, not ${bodyBytes}`);
  const seconds = result.wallMs / 1000;
  return { cpuSeconds, seconds, mibPerSecond: bodyBytes / MIB / seconds, common };
}
