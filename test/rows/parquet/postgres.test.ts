import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresDatabase, postgres } from "../../../src/rows/databases/postgres.ts";
import { hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { readBytes, temporaryFolder, wanted } from "../support.ts";
import { askDuckDb, readIndependently } from "./support.ts";

const path = join(temporaryFolder(), "postgres.parquet");

describe.runIf(hasPostgres())("Parquet out of PostgreSQL", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let db: PostgresDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    db = postgres(server.url);
  }, 60_000);
  afterAll(async () => {
    await db?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  /** An SQL value, the type it has in Parquet, and its text there. */
  const VALUES: [sql: string, type: string, text: string][] = [
    ["true", "BOOLEAN", "true"],
    ["CAST(-32768 AS smallint)", "SMALLINT", "-32768"],
    ["2147483647", "INTEGER", "2147483647"],
    ["CAST(9223372036854775807 AS bigint)", "BIGINT", "9223372036854775807"],
    ["CAST('0.10' AS numeric(38, 2))", "DECIMAL(38,2)", "0.10"],
    ["CAST('1e100' AS numeric)", "VARCHAR", `1${"0".repeat(100)}`],
    ["CAST(0.1 AS real)", "FLOAT", "0.1"],
    ["CAST('-Infinity' AS double precision)", "DOUBLE", "-inf"],
    [`E'a "b"\\t\\n\\r\\\\ é'`, "VARCHAR", 'a "b"\t\n\r\\ é'],
    ["''", "VARCHAR", ""],
    ["DATE '2024-02-29'", "DATE", "2024-02-29"],
    ["TIME '23:59:59.5'", "TIME", "23:59:59.5"],
    ["TIMESTAMP '2024-02-29 23:59:59.123456'", "TIMESTAMP", "2024-02-29 23:59:59.123456"],
    ["TIMESTAMPTZ '2024-02-29 23:59:59+02'", "TIMESTAMP WITH TIME ZONE", "2024-02-29 21:59:59+00"],
    ["CAST('550e8400-e29b-41d4-a716-446655440000' AS uuid)", "UUID", "550e8400-e29b-41d4-a716-446655440000"],
    [`CAST('{"a" :\\n 1}' AS json)`.replace("'{", "E'{"), "JSON", '{"a" :\n 1}'],
    ["CAST(NULL AS text)", "VARCHAR", "\0NULL"],
  ];
  const list = VALUES.map(([sql], index) => `${sql} AS c${index}`).join(", ");

  test("values come with their types", async () => {
    writeFileSync(path, await readBytes(db.query(`SELECT ${list}`), wanted("parquet")));
    const types = await askDuckDb(`SELECT column_type FROM (DESCRIBE FROM '${path}')`);
    expect(types.map(([type]) => type)).toEqual(VALUES.map(([, type]) => type));
    const texts = VALUES.map((_, index) => `coalesce(CAST(c${index} AS VARCHAR), chr(0) || 'NULL')`);
    const [row] = await askDuckDb(`SELECT ${texts.join(", ")} FROM '${path}'`);
    expect(row).toEqual(VALUES.map(([, , text]) => text));
  });

  test("with parameters, too", async () => {
    const query = db.query(`SELECT ${list} WHERE 1 < :least`, { least: 2 });
    const file = await readBytes(query, wanted("parquet"));
    expect(await readIndependently(file)).toEqual(
      await readIndependently(await readBytes(db.query(`SELECT ${list}`), wanted("parquet"))),
    );
  });

  test("in one column NULL and an empty text are two, and bytes are bytes", async () => {
    const file = await readBytes(db.query("SELECT * FROM (VALUES (NULL), (''), ('null')) AS v (x)"), wanted("parquet"));
    expect(await readIndependently(file)).toEqual([{ x: null }, { x: "" }, { x: "null" }]);
    const bytes = await readBytes(db.query(String.raw`SELECT bytea '\x0001ff' AS b`), wanted("parquet"));
    expect(await readIndependently(bytes)).toEqual([{ b: new Uint8Array([0, 1, 255]) }]);
  });

  test("what Parquet has no value for fails the file, by the column's name", async () => {
    await expect(readBytes(db.query("SELECT DATE 'infinity' AS d"), wanted("parquet"))).rejects.toMatchObject({
      code: "ERR_QUERY",
      message: expect.stringContaining('"d" is date'),
    });
  });

  test("a hundred thousand rows come whole", async () => {
    const sql = "SELECT i, 'row ' || i AS t FROM generate_series(1, 100000) AS n (i)";
    writeFileSync(path, await readBytes(db.query(sql), wanted("parquet")));
    expect(
      await askDuckDb(
        `SELECT count(*), bool_and(i = file_row_number + 1 AND t = 'row ' || i) FROM read_parquet('${path}', file_row_number = true)`,
      ),
    ).toEqual([["100000", true]]);
  });
});
