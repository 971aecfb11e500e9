import type { Suite } from "../../harness/types.ts";
import { MIB } from "../../harness/measure.ts";
import { writeRandom } from "../files/content.ts";
import { makeTables } from "../rows/table.ts";
import { BYTES, runFinished, runGrowing } from "./download.ts";
import { follow } from "./follow.ts";
import { postgresHeld, sqliteHeld } from "./held.ts";
import { hundredReaders } from "./hundred-readers.ts";

/** Bodies that are kept while they are made, and files that grow. */
export const runsSuite: Suite = {
  name: "runs",
  workloads: [postgresHeld, sqliteHeld, runFinished, runGrowing, hundredReaders, follow],
  prepare: async (folder, quick) => {
    await makeTables(folder, quick);
    await writeRandom(folder, BYTES, (quick ? 128 : 1024) * MIB);
  },
};
