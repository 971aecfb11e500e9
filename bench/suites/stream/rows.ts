import type { Row } from "../../harness/types.ts";

/** The frameworks for Node that Sluice's CPU targets name. */
export const NODE_FRAMEWORKS = ["hono", "fastify", "h3", "express"];

/** One row for each peer that has `path`, with its share of the amount. */
export function rowsFor(path: string, shares: Record<string, number>): Row[] {
  // What an EventSource says; nchan refuses others.
  const headers = path === "/events" ? ["Accept: text/event-stream"] : [];
  return Object.entries(shares).map(([peer, share]) => ({ server: peer, peer, path, headers, share }));
}
