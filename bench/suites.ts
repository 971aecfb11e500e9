/** Every suite of `npm run bench`, by name. */
import type { Suite } from "./harness/types.ts";
import { streamSuite } from "./suites/stream/suite.ts";

export const suites: Record<string, Suite> = Object.fromEntries([streamSuite].map((suite) => [suite.name, suite]));
