import { memoryLog } from "sluice/logs/memory";
import { describe } from "vitest";
import { describeSameAsMemory } from "./contract/same-as-memory.ts";
import { sqliteLogs } from "./sqlite-logs.ts";

describe("sqlite", () => {
  describeSameAsMemory(sqliteLogs());
});

/** That it can tell two logs apart. */
describe("memory", () => {
  describeSameAsMemory(async (options) => ({ log: memoryLog(options) }));
});
