/** `npm run bench -- SUITE`: Sluice beside its peers, on this machine, in one run. */
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchArguments, parseArguments, USAGE } from "./harness/arguments.ts";
import { chooseWorkloads } from "./harness/choose.ts";
import { createClient } from "./harness/client.ts";
import { describeMachine } from "./harness/machine.ts";
import type { FoundPeer } from "./harness/peer.ts";
import { findPeers } from "./harness/peers.ts";
import { stopProcessesOnExit } from "./harness/processes.ts";
import { formatWorkload, type ReportRecord, toRecords } from "./harness/report.ts";
import { type RunOptions, runWorkload } from "./harness/run-workload.ts";
import { formatTargets } from "./harness/targets.ts";
import type { Suite, Workload } from "./harness/types.ts";
import { suites } from "./suites.ts";

interface Plan {
  args: BenchArguments;
  suite: Suite;
  workloads: Workload[];
}

/** What the command line asks for; ends the program with the usage when there is no such thing. */
function plan(): Plan {
  try {
    const args = parseArguments(process.argv.slice(2));
    const suite = suites[args.suite];
    if (suite === undefined) throw new TypeError(`no suite ${args.suite}, only ${Object.keys(suites).join(", ")}`);
    return { args, suite, workloads: chooseWorkloads(suite, args) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function findAndReport(workloads: Workload[], folder: string): Promise<Map<string, FoundPeer>> {
  const wanted = workloads.flatMap((workload) => workload.rows.map(({ peer }) => peer));
  const found = new Map<string, FoundPeer>();
  for (const peer of await findPeers(new Set(wanted), folder)) {
    console.log("missing" in peer ? `${peer.name}: left out, ${peer.missing}` : `${peer.name}: ${peer.versions}`);
    if (!("missing" in peer)) found.set(peer.name, peer);
  }
  return found;
}

async function run({ args, suite, workloads }: Plan, folder: string): Promise<void> {
  console.log(describeMachine());
  const client = await createClient(folder, args.client);
  console.log(`client: ${client.description}\n`);
  const peers = await findAndReport(workloads, folder);
  await suite.prepare(folder, args.quick);

  const options: RunOptions = { bench: { client, quick: args.quick }, runs: args.runs, folder, progress };
  const records: ReportRecord[] = [];
  for (const workload of workloads) {
    const startedAt = performance.now();
    const results = await runWorkload(workload, peers, options);
    progress("");
    console.log(`\n${formatWorkload(workload, results)}`);
    for (const line of formatTargets(workload, results)) console.log(line);
    console.log(`(${Math.round((performance.now() - startedAt) / 1000)} s)`);
    records.push(...toRecords(workload, results));
    // After each workload: a run that is broken off keeps what it has.
    if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(records, undefined, 2)}\n`);
  }
}

const chosen = plan();
stopProcessesOnExit();
const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
await run(chosen, folder);
