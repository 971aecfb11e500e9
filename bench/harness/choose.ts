import type { BenchArguments } from "./arguments.ts";
import type { Suite, Workload } from "./types.ts";

/**
 * The suite's workloads that were asked for, each with the rows that were asked for; none that is left without rows.
 *
 * @throws TypeError when a workload or a server is named that the suite has not
 */
export function chooseWorkloads(suite: Suite, { only, servers }: BenchArguments): Workload[] {
  const names = suite.workloads.map(({ name }) => name);
  const rows = suite.workloads.flatMap((workload) => workload.rows.map(({ server }) => server));
  assertKnown("workload", only, names);
  assertKnown("server", servers, rows);
  return suite.workloads
    .filter(({ name }) => only?.includes(name) ?? true)
    .map((workload) => ({
      ...workload,
      rows: workload.rows.filter(({ server }) => servers?.includes(server) ?? true),
    }))
    .filter((workload) => workload.rows.length > 0);
}

function assertKnown(what: string, asked: string[] | undefined, known: string[]): void {
  const unknown = asked?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`no ${what} ${unknown}, only ${[...new Set(known)].join(", ")}`);
}
