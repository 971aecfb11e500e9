import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import type { Suite } from "../../harness/types.ts";
import { chunks } from "./chunks.ts";
import { fanout, fanoutStalled } from "./fanout.ts";
import { idle } from "./idle.ts";
import { lineCounts, lineOf, lines } from "./lines.ts";
import { stalled } from "./stalled.ts";
import { strings } from "./strings.ts";
import { ttfb } from "./ttfb.ts";

async function writeLines(path: string, count: number): Promise<void> {
  const file = createWriteStream(path);
  for (let index = 0; index < count;) {
    let block = "";
    for (const end = Math.min(count, index + 10_000); index < end; index++) block += lineOf(index);
    if (!file.write(block)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
}

/** Generated bodies and event streams. */
export const streamSuite: Suite = {
  name: "stream",
  workloads: [chunks, lines, strings, ttfb, idle, fanout, fanoutStalled, stalled],
  prepare: async (folder, quick) => {
    for (const count of lineCounts(quick)) await writeLines(join(folder, `lines-${count}.txt`), count);
  },
};
