import { describe } from "vitest";
import { describeAppends } from "./appends.ts";
import { describeClosing } from "./closing.ts";
import { describeCreation } from "./creation.ts";
import { describeDeletion } from "./deletion.ts";
import { describeForks } from "./forks.ts";
import { describeKeeping } from "./keeping.ts";
import { describeLeases } from "./leases.ts";
import { describeLists } from "./lists.ts";
import type { OpenLog } from "./log-rig.ts";
import { describeProducers } from "./producers.ts";
import { describeReads } from "./reads.ts";
import { describeRetention } from "./retention.ts";
import { describeTimeToLive } from "./time-to-live.ts";
import { describeWatching } from "./watching.ts";

/**
 * The suite that every log passes. A driver's test file calls it, with what makes an empty log:
 *
 *   describeLog(async ({ now, producerTtlMs }) => ({ log: myLog({ now, producerTtlMs }) }));
 */
export function describeLog(open: OpenLog): void {
  const parts: Record<string, (open: OpenLog) => void> = {
    create: describeCreation,
    forks: describeForks,
    append: describeAppends,
    producers: describeProducers,
    read: describeReads,
    list: describeLists,
    watch: describeWatching,
    trim: describeRetention,
    "time to live": describeTimeToLive,
    delete: describeDeletion,
    leases: describeLeases,
    close: describeClosing,
    "what is kept": describeKeeping,
  };
  for (const [title, describePart] of Object.entries(parts)) {
    describe(title, () => {
      describePart(open);
    });
  }
}
