import { postgres } from "../../../src/rows/databases/postgres.ts";
import { hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { describeDatabase } from "./describe-database.ts";

if (hasPostgres()) {
  describeDatabase(async () => {
    const server = await startPostgres();
    return {
      name: "PostgreSQL",
      types: { integer: "bigint", text: "text", bytes: "bytea" },
      execute: async (sql) => void (await server.admin.query(sql)),
      rows: (count) => `SELECT i, 'row ' || i AS t FROM generate_series(1, ${count}) AS n (i)`,
      busy: "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b",
      async isBusy() {
        const { rows } = await server.admin.query(
          "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sluice' AND (state <> 'idle' OR backend_xmin IS NOT NULL)",
        );
        return rows.length > 0;
      },
      create: (options) => postgres(server.url, options),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });
}
