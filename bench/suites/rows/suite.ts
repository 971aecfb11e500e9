import type { Suite } from "../../harness/types.ts";
import { beside } from "./beside.ts";
import { postgresCsv, sqliteCsv, sqliteJson, sqliteParquet } from "./export.ts";
import { firstBytePostgres, firstByteSqlite } from "./first-byte.ts";
import { stoppedCells, stoppedPostgres, stoppedSqlite } from "./stopped.ts";
import { makeTables } from "./table.ts";

/** The rows of a database, as text and as Parquet. */
export const rowsSuite: Suite = {
  name: "rows",
  workloads: [
    sqliteCsv,
    sqliteJson,
    postgresCsv,
    sqliteParquet,
    firstByteSqlite,
    firstBytePostgres,
    beside,
    stoppedSqlite,
    stoppedPostgres,
    stoppedCells,
  ],
  prepare: makeTables,
};
