import type { Suite } from "../../harness/types.ts";
import { appends } from "./append.ts";
import { fanouts } from "./fanout.ts";
import { idle } from "./idle.ts";
import { large } from "./large.ts";

/** Streams that are kept: written, followed, and read again. */
export const streamsSuite: Suite = {
  name: "streams",
  workloads: [...appends, ...fanouts, large, idle],
  prepare: async () => {},
};
