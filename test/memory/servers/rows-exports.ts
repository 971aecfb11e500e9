/** Exports of a database: the query stands in the target, `/csv?sql=…&text=…`, whose `text` is a parameter. */
import { type RowDatabase, type RowFormatName, type RowStream, rowsResponse } from "../../../src/index.ts";
import { postgres } from "../../../src/rows/databases/postgres.ts";
import { sqlite } from "../../../src/rows/databases/sqlite.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

const { kind, where } = childArgument() as { kind: "sqlite" | "postgres"; where: string };

const database: RowDatabase & { stats(): { running: number } } = kind === "sqlite" ? sqlite(where) : postgres(where);
let rows: RowStream | undefined;

await runServer(
  (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const text = searchParams.get("text");
    const query = database.query(searchParams.get("sql")!, text === null ? {} : { text });
    const watched: typeof query = {
      describe: (signal) => query.describe(signal),
      open: async (...parameters) => (rows = await query.open(...parameters)),
    };
    return rowsResponse(request, watched, { format: pathname.slice(1) as RowFormatName });
  },
  {},
  { rows: () => rows?.rows ?? 0, running: () => database.stats().running },
);
