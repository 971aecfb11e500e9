/**
 * The tests of memory, faults, the wire and real clients once more, at length: with SOAK=1 they stream longer, to more readers.
 *
 *   npm run soak                      all of them
 *   npm run soak -- test/memory       these
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));
const asked = process.argv.slice(2);
const folders =
  asked.length > 0
    ? asked
    : ["test/memory", "test/faults", "test/conformance", "test/clients", "test/logs"].filter(existsSync);
console.log(`Soak of ${folders.join(", ")} on Node ${process.version}, one file after another.`);

const started = performance.now();
// One at a time: a neighbour's garbage must not count against a memory ceiling.
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "--reporter=verbose", "--no-file-parallelism", ...folders],
  { stdio: "inherit", env: { ...process.env, SOAK: "1" } },
);
console.log(`Soak ${status === 0 ? "passed" : "failed"} after ${Math.round((performance.now() - started) / 1000)} s.`);
process.exitCode = status ?? 1;
