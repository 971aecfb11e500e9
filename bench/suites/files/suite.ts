import type { Suite } from "../../harness/types.ts";
import { writeFiles } from "./content.ts";
import { copied, eight, one } from "./download.ts";
import { mixed } from "./mixed.ts";
import { oneKibibyte, sixtyFourKibibytes } from "./small.ts";
import { stalled } from "./stalled.ts";

/** Files, large and small. */
export const filesSuite: Suite = {
  name: "files",
  workloads: [one, copied, eight, oneKibibyte, sixtyFourKibibytes, stalled, mixed],
  prepare: writeFiles,
};
