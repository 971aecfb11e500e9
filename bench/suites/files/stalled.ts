import { checkStart } from "../../harness/check.ts";
import type { Client } from "../../harness/client.ts";
import { COMMON_METRICS, measured, MIB } from "../../harness/measure.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Workload } from "../../harness/types.ts";
import { contentOf } from "./content.ts";
import { rowsFor } from "./rows.ts";

const PATH = "/sparse.bin";
const STALLED_AFTER = 8 * MIB;
const TIMEOUT_MS = 300_000;
const QUIET_MS = 20_000;

/** MiB/s of one reader of the whole file. */
async function speedOf(client: Client, server: RunningServer): Promise<number> {
  const { bodyBytes, wallMs } = await client.read(server.port, { path: PATH, timeoutMs: TIMEOUT_MS });
  if (bodyBytes !== contentOf(PATH).bytes) throw new Error(`${bodyBytes} bytes arrived`);
  return bodyBytes / MIB / (wallMs / 1000);
}

export const stalled: Workload = {
  name: "stalled",
  title: "1,000 readers that stop in the middle of a file of 5 GiB, and one beside them that does not",
  metrics: [
    { name: "growth", unit: "MiB", better: "lower" },
    { name: "held", unit: "MiB", better: "lower" },
    { name: "alone", unit: "MiB/s", better: "higher" },
    { name: "beside", unit: "MiB/s", better: "higher" },
    { name: "beside/alone", unit: "×", better: "higher" },
    ...COMMON_METRICS,
  ],
  baseline: "nginx",
  rows: rowsFor(PATH, ["sluice", "nginx", "loop", "node", "send", "fastify", "srvx", "fastapi"]),
  targets: [
    { metric: "growth", server: "sluice", limit: 64 },
    { metric: "beside/alone", server: "sluice", limit: 0.8 },
  ],
  check: (server, row) => checkStart(server, row, Buffer.alloc(MIB)),
  measure: async (server, _row, { client, quick }) => {
    await speedOf(client, server);
    const alone = await speedOf(client, server);
    await server.collectGarbage();
    const idle = server.usage().rssBytes;
    const wanted = { connections: quick ? 100 : 1000, pauseAfter: STALLED_AFTER, timeoutMs: TIMEOUT_MS };
    let peak = 0;
    let held = 0;
    let beside = 0;
    const { common } = await measured(server, async () => {
      const readers = await client.hold(server.port, { path: PATH, ...wanted });
      await server.quiet(QUIET_MS);
      const { peakBytes, rssBytes } = server.usage();
      peak = peakBytes;
      held = rssBytes;
      beside = await speedOf(client, server);
      return readers.tell();
    });
    const growth = (peak - idle) / MIB;
    return { growth, held: (held - idle) / MIB, alone, beside, "beside/alone": beside / alone, ...common };
  },
};
