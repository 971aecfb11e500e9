import { parseArgs } from "node:util";

export interface BenchArguments {
  suite: string;
  runs: number;
  quick: boolean;
  client: "native" | "node";
  json?: string;
  only?: string[];
  servers?: string[];
}

export const USAGE = `npm run bench -- SUITE [options]

  --runs N               runs of every server, interleaved (3; with --quick 1)
  --only NAME,…          only these workloads
  --servers NAME,…       only these rows
  --quick                small amounts: does everything work? The numbers mean little
  --client native|node   the C client, or the one in Node (native where there is a C compiler)
  --json FILE            also write [{ workload, server, metric, unit, median, min, max, runs }]`;

const OPTIONS = {
  runs: { type: "string" },
  only: { type: "string" },
  servers: { type: "string" },
  quick: { type: "boolean", default: false },
  client: { type: "string", default: "native" },
  json: { type: "string" },
} as const;

/** @throws TypeError when an argument is unknown or has no sense */
export function parseArguments(list: string[]): BenchArguments {
  const { values, positionals } = parseArgs({ args: list, options: OPTIONS, allowPositionals: true });
  const [suite, ...others] = positionals;
  if (suite === undefined || others.length > 0) throw new TypeError("name one suite");
  const runs = Number(values.runs ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(runs) || runs < 1) throw new TypeError(`--runs ${values.runs} is not a positive integer`);
  const { client, quick } = values;
  if (client !== "native" && client !== "node") throw new TypeError(`--client is native or node, not ${client}`);
  return {
    suite,
    runs,
    quick,
    client,
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values.only === undefined ? {} : { only: values.only.split(",") }),
    ...(values.servers === undefined ? {} : { servers: values.servers.split(",") }),
  };
}
