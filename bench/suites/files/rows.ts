import { checkWhole } from "../../harness/check.ts";
import type { RunningServer } from "../../harness/server.ts";
import type { Row } from "../../harness/types.ts";
import { contentOf } from "./content.ts";

/** What Node offers to serve files with; `loop` is none of them but a measure for all. */
export const NODE_PEERS = ["send", "fastify", "sirv", "hono", "srvx", "node"];

/** Parts of a workload's amount: slow peers do less. */
const SHARES = {
  sluice: 0.4,
  nginx: 1,
  loop: 0.4,
  node: 0.4,
  send: 0.4,
  fastify: 0.4,
  sirv: 0.4,
  hono: 0.4,
  srvx: 0.4,
  fastapi: 0.2,
};

export function rowsFor(path: string, servers: string[] = Object.keys(SHARES)): Row[] {
  return servers.map((server) => ({
    server,
    peer: `${server}-files`,
    path,
    share: SHARES[server as keyof typeof SHARES],
  }));
}

export function check(server: RunningServer, row: Row): Promise<void> {
  return checkWhole(server, row, row.path, contentOf(row.path).sha256 ?? "");
}
