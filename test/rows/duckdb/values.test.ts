import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbDatabase, duckdb } from "../../../src/rows/databases/duckdb.ts";
import type { ParameterValue } from "../../../src/rows/parameters.ts";
import { askDuckDb, readFile, readIndependently } from "../parquet/support.ts";
import { readAll, readBytes, temporaryFolder, wanted } from "../support.ts";
import { execute } from "./support.ts";

const folder = temporaryFolder();
const signal = new AbortController().signal;

/** An SQL value, its column's type, and its text in CSV and in JSON. */
const VALUES: [sql: string, type: string, csv: string, json: string][] = [
  ["true", "boolean", "true", "true"],
  ["CAST(-128 AS TINYINT)", "int16", "-128", "-128"],
  ["CAST(255 AS UTINYINT)", "int16", "255", "255"],
  ["CAST(-32768 AS SMALLINT)", "int16", "-32768", "-32768"],
  ["CAST(65535 AS USMALLINT)", "int32", "65535", "65535"],
  ["2147483647", "int32", "2147483647", "2147483647"],
  ["CAST(4294967295 AS UINTEGER)", "int64", "4294967295", "4294967295"],
  ["-9223372036854775808", "int64", "-9223372036854775808", "-9223372036854775808"],
  ["CAST(18446744073709551615 AS UBIGINT)", "decimal", "18446744073709551615", "18446744073709551615"],
  [
    "170141183460469231731687303715884105727",
    "decimal",
    "170141183460469231731687303715884105727",
    "170141183460469231731687303715884105727",
  ],
  ["CAST('0.10' AS DECIMAL(38, 2))", "decimal", "0.10", "0.10"],
  ["CAST(0.1 AS FLOAT)", "float32", "0.1", "0.1"],
  ["CAST(0.1 AS DOUBLE) + 0.2", "float64", "0.30000000000000004", "0.30000000000000004"],
  ["CAST('NaN' AS DOUBLE)", "float64", "NaN", '"NaN"'],
  ["CAST('-Infinity' AS FLOAT)", "float32", "-Infinity", '"-Infinity"'],
  [`'a "b" é'`, "text", '"a ""b"" é"', String.raw`"a \"b\" é"`],
  ["''", "text", '""', '""'],
  ["CAST('\\x00\\xFF' AS BLOB)", "bytes", '"AP8="', '"AP8="'],
  ["DATE '2024-02-29'", "date", "2024-02-29", '"2024-02-29"'],
  ["TIME '23:59:59.5'", "time", "23:59:59.5", '"23:59:59.5"'],
  ["TIMESTAMP '2024-02-29 23:59:59.123456'", "timestamp", "2024-02-29T23:59:59.123456", '"2024-02-29T23:59:59.123456"'],
  [
    "TIMESTAMP_NS '2024-02-29 23:59:59.123456789'",
    "timestamp",
    "2024-02-29T23:59:59.123456789",
    '"2024-02-29T23:59:59.123456789"',
  ],
  ["TIMESTAMPTZ '2024-02-29 23:59:59+02'", "timestamptz", "2024-02-29T21:59:59+00:00", '"2024-02-29T21:59:59+00:00"'],
  ["INTERVAL '1 year 2 days 03:04:05'", "interval", '"1 year 2 days 03:04:05"', '"1 year 2 days 03:04:05"'],
  [
    "CAST('550e8400-e29b-41d4-a716-446655440000' AS UUID)",
    "uuid",
    "550e8400-e29b-41d4-a716-446655440000",
    '"550e8400-e29b-41d4-a716-446655440000"',
  ],
  ["CAST('b' AS ENUM ('a', 'b'))", "text", '"b"', '"b"'],
  ["CAST('101' AS BIT)", "text", '"101"', '"101"'],
  [`CAST('{"a" : [1, 2]}' AS JSON)`, "json", '"{""a"" : [1, 2]}"', '{"a" : [1, 2]}'],
  ["[1, NULL, 3]", "json", '"[1,null,3]"', "[1,null,3]"],
  ["{'a': 1, 'b': 'x\"y'}", "json", String.raw`"{""a"":1,""b"":""x\""y""}"`, String.raw`{"a":1,"b":"x\"y"}`],
  ["MAP {'k': 1.5}", "json", '"{""k"":1.5}"', '{"k":1.5}'],
  ["[CAST('NaN' AS DOUBLE)]", "json", '"""[nan]"""', '"[nan]"'],
  [
    `[{'a': 'NaN "', 'b': 1.5::DOUBLE}]`,
    "json",
    String.raw`"[{""a"":""NaN \"""",""b"":1.5}]"`,
    String.raw`[{"a":"NaN \"","b":1.5}]`,
  ],
  ["NULL", "int32", "", "null"],
];

describe("the values of DuckDB", () => {
  let db: DuckDbDatabase;
  beforeAll(async () => {
    const path = join(folder, "values.duckdb");
    const columns = VALUES.map(([sql], index) => `${sql} AS c${index}`).join(", ");
    await execute(path, `CREATE TABLE one AS SELECT ${columns}`);
    db = duckdb(path);
  });
  afterAll(() => db.destroy());

  test("have types", async () => {
    const columns = await db.table("one").describe(signal);
    expect(columns.map(({ type }) => type)).toEqual(VALUES.map(([, type]) => type));
    expect(columns.find(({ declared }) => declared?.startsWith("DECIMAL"))).toMatchObject({ precision: 38, scale: 2 });
  });

  test("are text in CSV", async () => {
    const text = await readAll(db.table("one"), wanted("csv", { header: false }));
    expect(text).toBe(`${VALUES.map(([, , csv]) => csv).join(",")}\r\n`);
  });

  test("are text in TSV, where only a tab, a backslash or a line end is escaped", async () => {
    const query = db.query(
      `SELECT 'a' || chr(9) || 'b\\c' || chr(10) AS a, '"x"' AS b, NULL AS c, CAST('\\xFF' AS BLOB) AS d`,
    );
    expect(await readAll(query, wanted("tsv", { header: false, bytes: "hex" }))).toBe('a\\tb\\\\c\\n\t"x"\t\\N\tff\n');
  });

  test.each(["ndjson", "json"] as const)("are JSON in %s", async (format) => {
    const text = await readAll(db.table("one"), wanted(format));
    const row = `{${VALUES.map(([, , , json], index) => `"c${index}":${json}`).join(",")}}`;
    expect(text).toBe(format === "json" ? `[\n${row}\n]\n` : `${row}\n`);
    JSON.parse(text);
  });

  test("that are larger than a double's are strings in JSON, where they are to be", async () => {
    const query = db.query(
      "SELECT 170141183460469231731687303715884105727 AS a, 18446744073709551615 AS b, 1::HUGEINT AS c",
    );
    expect(await readAll(query, wanted("ndjson", { bigint: "string" }))).toBe(
      '{"a":"170141183460469231731687303715884105727","b":"18446744073709551615","c":1}\n',
    );
  });

  test("points in time are written in the time zone that is asked for", async () => {
    const query = db.query(
      "SELECT TIMESTAMPTZ '2024-07-01 12:00:00+00' AS a, TIMESTAMPTZ '2024-01-01 12:00:00.5+00' AS b, TIMESTAMPTZ 'infinity' AS c",
    );
    expect(await readAll(query, wanted("tsv", { header: false, timeZone: "America/St_Johns" }))).toBe(
      "2024-07-01T09:30:00-02:30\t2024-01-01T08:30:00.5-03:30\tinfinity\n",
    );
    expect(await readAll(query, wanted("tsv", { header: false, timeZone: "Europe/Paris" }))).toBe(
      "2024-07-01T14:00:00+02:00\t2024-01-01T13:00:00.5+01:00\tinfinity\n",
    );
    await expect(readAll(query, wanted("csv", { timeZone: "Nowhere/Land" }))).rejects.toMatchObject({ status: 400 });
  });

  test("are written to Parquet as they are, but for what it has no exact type for", async () => {
    const file = await readBytes(db.table("one"), wanted("parquet"));
    const path = join(folder, "one.parquet");
    writeFileSync(path, file);
    const index = (prefix: string): number => VALUES.findIndex(([sql]) => sql.startsWith(prefix));
    const [row] = await readIndependently(file);
    expect(row).toMatchObject({
      c0: true,
      [`c${index("-9223372036854775808")}`]: -9223372036854775808n,
      [`c${index("170141183460469231731687303715884105727")}`]: "170141183460469231731687303715884105727",
      [`c${index("CAST('\\x00")}`]: new Uint8Array([0, 255]),
      [`c${index("[1, NULL")}`]: [1, null, 3],
      [`c${index("INTERVAL")}`]: "1 year 2 days 03:04:05",
      [`c${index("NULL")}`]: null,
    });
    const types = await askDuckDb(`SELECT column_type FROM (DESCRIBE FROM '${path}')`);
    expect(types[index("CAST('0.10'")]).toEqual(["DECIMAL(38,2)"]);
    expect(types[index("{'a'")]).toEqual(["STRUCT(a INTEGER, b VARCHAR)"]);
  });

  test("columns of the same name have their own in Parquet", async () => {
    const file = await readBytes(db.query("SELECT 1 AS a, 2 AS A, 3 AS a"), wanted("parquet"));
    expect(await readIndependently(file)).toEqual([{ a: 1, A_1: 2, a_2: 3 }]);
  });

  test("Parquet has the rows that were wanted, and says whether there are more", async () => {
    const query = db.query("SELECT i FROM range(:n) AS r (i)", { n: 1000 });
    for (const [maxRows, truncated] of [
      [0, true],
      [10, true],
      [1000, false],
      [2000, false],
    ] as const) {
      const rows = await query.open(wanted("parquet", {}, maxRows), signal);
      const { length } = await readIndependently(await readFile(rows));
      expect([length, rows.rows, rows.truncated]).toEqual([
        Math.min(maxRows, 1000),
        Math.min(maxRows, 1000),
        truncated,
      ]);
    }
  });

  test("a row may be larger than what is sent at a time", async () => {
    const text = await readAll(
      db.query("SELECT repeat('0123456789', 500000) AS a, i FROM range(3) AS r (i)"),
      wanted("csv"),
    );
    expect(text).toBe(`"a","i"\r\n${[0, 1, 2].map((i) => `"${"0123456789".repeat(500_000)}",${i}\r\n`).join("")}`);
  });

  test("short rows and long ones come in their order", async () => {
    const sql =
      "SELECT CASE WHEN i % 3 = 0 THEN repeat('x', CAST(i % 500 AS INTEGER)) END AS t, i FROM range(50000) AS r (i)";
    const lines = (await readAll(db.query(sql), wanted("csv", { header: false, eol: "lf" }))).split("\n");
    const expected = Array.from({ length: 50_000 }, (_, i) => `${i % 3 === 0 ? `"${"x".repeat(i % 500)}"` : ""},${i}`);
    expect(lines).toEqual([...expected, ""]);
  });

  test("rows keep the order that the query gives them", async () => {
    const query = db.query("SELECT i FROM range(200000) AS r (i) ORDER BY i DESC");
    const lines = (await readAll(query, wanted("csv", { header: false, eol: "lf" }))).trimEnd().split("\n");
    expect(lines.every((line, index) => line === String(199_999 - index))).toBe(true);
    const rows = await readIndependently(await readBytes(query, wanted("parquet")));
    expect(rows.every(({ i }, index) => i === BigInt(199_999 - index))).toBe(true);
  });

  test.each<[value: ParameterValue, csv: string]>([
    [null, '""'],
    ["it's", '"it\'s"'],
    [5, "5"],
    [1.5, "1.5"],
    [9007199254740993n, "9007199254740993"],
    [2n ** 100n, String(2n ** 100n)],
    [true, "true"],
    [new Uint8Array([1, 2]), '"AQI="'],
  ])("a parameter that is all of a column has its own type: %s", async (value, csv) => {
    expect(await readAll(db.query("SELECT :value AS v", { value }), wanted("csv", { header: false }))).toBe(
      `${csv}\r\n`,
    );
  });

  test("a parameter has the type of what it is compared with", async () => {
    const query = db.query("SELECT count(*) AS n FROM one WHERE c18 >= :day", { day: "2024-01-01" });
    expect(await readAll(query)).toBe('"n"\r\n1\r\n');
  });
});
