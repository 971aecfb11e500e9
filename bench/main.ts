/** `npm run bench -- SUITE`: Sluice beside its peers, on this machine, in one run. */
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchArguments, parseArguments, USAGE } from "./harness/arguments.ts";
import { createClient } from "./harness/client.ts";
import { describeMachine } from "./harness/machine.ts";
import type { FoundPeer } from "./harness/peer.ts";
import { findPeers } from "./harness/peers.ts";
import { stopProcessesOnExit } from "./harness/processes.ts";
import { formatWorkload, toRecords } from "./harness/report.ts";
import { type RunOptions, runWorkload } from "./harness/run-workload.ts";
import { formatTargets } from "./harness/targets.ts";
import type { Suite, Workload } from "./harness/types.ts";
import { suites } from "./suites.ts";

/** The suite and its workloads as asked for; ends the program with the usage when there is no such thing. */
function choose(): { args: BenchArguments; suite: Suite; workloads: Workload[] } {
  try {
    const args = parseArguments(process.argv.slice(2));
    const suite = suites[args.suite];
    if (suite === undefined) throw new TypeError(`suites: ${Object.keys(suites).join(", ")}`);
    const unknown = args.only?.find((name) => !suite.workloads.some((workload) => workload.name === name));
    const names = suite.workloads.map(({ name }) => name).join(", ");
    if (unknown !== undefined) throw new TypeError(`no workload ${unknown} in ${suite.name}: ${names}`);
    return { args, suite, workloads: suite.workloads.filter(({ name }) => args.only?.includes(name) ?? true) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function findAndReport(
  workloads: Workload[],
  args: BenchArguments,
  folder: string,
): Promise<Map<string, FoundPeer>> {
  const rows = workloads.flatMap((workload) => workload.rows);
  const wanted = rows.filter(({ server }) => args.servers?.includes(server) ?? true).map(({ peer }) => peer);
  const found = new Map<string, FoundPeer>();
  for (const peer of await findPeers(new Set(wanted), folder)) {
    console.log("missing" in peer ? `${peer.name}: left out, ${peer.missing}` : `${peer.name}: ${peer.versions}`);
    if (!("missing" in peer)) found.set(peer.name, peer);
  }
  return found;
}

async function runSuite(folder: string): Promise<void> {
  const { args, suite, workloads } = choose();
  console.log(describeMachine());
  const client = await createClient(folder, args.client);
  console.log(`client: ${client.description}\n`);
  const peers = await findAndReport(workloads, args, folder);
  await suite.prepare(folder, args.quick);

  const options: RunOptions = { bench: { client, quick: args.quick }, runs: args.runs, folder, progress };
  const records: unknown[] = [];
  for (const workload of workloads) {
    const rows = workload.rows.flatMap((row) => {
      const peer = peers.get(row.peer);
      return peer !== undefined && (args.servers?.includes(row.server) ?? true) ? [{ row, peer }] : [];
    });
    const startedAt = performance.now();
    const results = await runWorkload(workload, rows, options);
    progress("");
    console.log(`\n${formatWorkload(workload, results)}`);
    for (const line of formatTargets(workload, results)) console.log(line);
    console.log(`(${Math.round((performance.now() - startedAt) / 1000)} s)`);
    records.push(...toRecords(workload, results));
    // After each workload: a run that is broken off keeps what it has.
    if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(records, undefined, 2)}\n`);
  }
}

stopProcessesOnExit();
const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
await runSuite(folder);
