/** Runs a query that is busy, prints its reader's id, and exits: `node leaving.ts DATABASE SQL`. */
import { readFileSync } from "node:fs";
import { resolveRowFormatOptions } from "../../../src/rows/row-formats.ts";
import { sqlite } from "../../../src/rows/databases/sqlite.ts";

const [path, sql] = process.argv.slice(2) as [string, string];
const request = {
  format: { name: "csv", options: resolveRowFormatOptions() },
  maxRows: Infinity,
  caller: undefined,
} as const;
const rows = await sqlite(path).query(sql).open(request, new AbortController().signal);
void rows.pull();
const pid = Number(readFileSync(`/proc/self/task/${process.pid}/children`, "utf8"));
// In clock ticks of 10 ms: it is busy.
while (Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[13]) < 30)
  await new Promise((resolve) => setTimeout(resolve, 10));
console.log(pid);
process.exit();
