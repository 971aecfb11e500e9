/** Every suite of `npm run bench`, by name. */
import type { Suite } from "./harness/types.ts";
import { filesSuite } from "./suites/files/suite.ts";
import { rowsSuite } from "./suites/rows/suite.ts";
import { runsSuite } from "./suites/runs/suite.ts";
import { streamSuite } from "./suites/stream/suite.ts";
import { streamsSuite } from "./suites/streams/suite.ts";

export const suites: Record<string, Suite> = Object.fromEntries(
  [streamSuite, filesSuite, rowsSuite, runsSuite, streamsSuite].map((suite) => [suite.name, suite]),
);
