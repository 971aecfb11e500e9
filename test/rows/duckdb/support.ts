import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

/** Makes a DuckDB database, or files, by SQL. */
export async function execute(path: string, sql: string): Promise<string> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    await connection.run(sql);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return path;
}

/** A Parquet file of one row, `secret`. */
export async function writeSecret(folder: string, name = "secret.parquet"): Promise<string> {
  const path = join(folder, name);
  await execute(":memory:", `COPY (SELECT 'secret' AS s) TO '${path}'`);
  return path;
}
