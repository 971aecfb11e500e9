/** Small files over connections that stay. */
import { COMMON_METRICS, measured } from "../../harness/measure.ts";
import type { Workload } from "../../harness/types.ts";
import { contentOf } from "./content.ts";
import { check, NODE_PEERS, rowsFor } from "./rows.ts";

const CONNECTIONS = 50;
const TIMEOUT_MS = 120_000;

function smallFiles(name: string, path: string, requestsEach: number): Workload {
  return {
    name,
    title: `a file of ${name.replace("k", " KiB")}, asked for on ${CONNECTIONS} connections again and again`,
    metrics: [
      { name: "requests", unit: "per s", better: "higher" },
      { name: "cpu", unit: "µs/request", better: "lower" },
      ...COMMON_METRICS,
    ],
    baseline: "nginx",
    rows: rowsFor(path),
    targets: [{ metric: "requests", server: "sluice", factor: 1.2, ofBest: NODE_PEERS }],
    check,
    measure: async (server, { share = 1 }, { client, quick }) => {
      const read = { path, connections: CONNECTIONS, timeoutMs: TIMEOUT_MS };
      const requests = Math.round(requestsEach * share * (quick ? 0.2 : 1));
      await client.read(server.port, { ...read, requests: Math.ceil(requests / 10) });
      const { result, cpuSeconds, common } = await measured(server, () =>
        client.read(server.port, { ...read, requests }),
      );
      const total = CONNECTIONS * requests;
      const bytes = total * contentOf(path).bytes;
      if (result.bodyBytes !== bytes) throw new Error(`${result.bodyBytes} bytes arrived, not ${bytes}`);
      return { requests: total / (result.wallMs / 1000), cpu: (cpuSeconds * 1e6) / total, ...common };
    },
  };
}

export const oneKibibyte: Workload = smallFiles("1k", "/1k.bin", 4000);

export const sixtyFourKibibytes: Workload = smallFiles("64k", "/64k.bin", 1500);
