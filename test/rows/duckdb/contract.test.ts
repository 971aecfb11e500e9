import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { duckdb } from "../../../src/rows/databases/duckdb.ts";
import { describeDatabase } from "../contract/describe-database.ts";
import { cpuMs, readersOf, temporaryFolder } from "../support.ts";

const path = join(temporaryFolder(), "contract.duckdb");

describeDatabase(async () => {
  let lastMs = new Map<number, number>();
  return {
    name: "DuckDB",
    types: { integer: "BIGINT", text: "VARCHAR", bytes: "BLOB" },
    async execute(sql) {
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      await connection.run(sql);
      connection.closeSync();
      instance.closeSync();
    },
    rows: (count) => `SELECT i, 'row ' || i AS t FROM range(1, ${count} + 1) AS r (i)`,
    busy: "SELECT count(*) AS n FROM range(10000000) AS a (i), range(10000000) AS b (j) WHERE (i * j) % 7 = 8",
    /** Some reader has worked since it was last asked. */
    isBusy() {
      const now = new Map(readersOf(path).map((pid) => [pid, cpuMs(pid)]));
      const isBusy = [...now].some(([pid, ms]) => lastMs.has(pid) && ms > lastMs.get(pid)!);
      lastMs = now;
      return isBusy;
    },
    create: (options) => duckdb(path, options),
    async [Symbol.asyncDispose]() {},
  };
});
