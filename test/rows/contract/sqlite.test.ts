import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqlite } from "../../../src/rows/databases/sqlite.ts";
import { ENDLESS, cpuMs, readersOf, temporaryFolder } from "../support.ts";
import { describeDatabase } from "./describe-database.ts";

const path = join(temporaryFolder(), "contract.db");

describeDatabase(async () => {
  const database = new DatabaseSync(path);
  let lastMs = new Map<number, number>();
  return {
    name: "SQLite",
    types: { integer: "INTEGER", text: "TEXT", bytes: "BLOB" },
    execute: async (sql) => database.exec(sql),
    rows: (count) =>
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i, 'row ' || i AS t FROM n`,
    busy: ENDLESS,
    /** Some reader has worked since it was last asked. */
    isBusy() {
      const now = new Map(readersOf(path).map((pid) => [pid, cpuMs(pid)]));
      const isBusy = [...now].some(([pid, ms]) => lastMs.has(pid) && ms > lastMs.get(pid)!);
      lastMs = now;
      return isBusy;
    },
    create: (options) => sqlite(path, options),
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };
});
