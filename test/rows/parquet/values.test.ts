import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, asyncProperty, array, bigInt, constant, oneof, record, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import type { ColumnType } from "../../../src/rows/column.ts";
import { sqlite } from "../../../src/rows/databases/sqlite.ts";
import { parquetRows } from "../../../src/rows/parquet/parquet-rows.ts";
import { uniqueNames } from "../../../src/rows/parquet/unique-names.ts";
import { hostileText, readBytes, temporaryFolder, wanted } from "../support.ts";
import { MAGIC, askDuckDb, column, feedOf, metadataOf, readFile, readIndependently } from "./support.ts";

const folder = temporaryFolder();
const path = join(folder, "out.parquet");
const signal = new AbortController().signal;
const parquet = wanted("parquet");

async function write(columns: Parameters<typeof feedOf>[0], lines: Iterable<string>): Promise<Buffer> {
  const file = await readFile(await parquetRows(async () => feedOf(columns, lines), signal));
  writeFileSync(path, file);
  return file;
}

describe("the values of a Parquet file", () => {
  const columns = [
    column("boolean", "boolean"),
    column("int16", "int16"),
    column("int32", "int32"),
    column("int64", "int64"),
    column("decimal", "decimal", { precision: 38, scale: 2 }),
    column("number", "decimal"),
    column("huge", "decimal", { precision: 40, scale: 2 }),
    column("float32", "float32"),
    column("float64", "float64"),
    column("text", "text"),
    column("bytes", "bytes"),
    column("date", "date"),
    column("time", "time"),
    column("timestamp", "timestamp"),
    column("timestamptz", "timestamptz"),
    column("interval", "interval"),
    column("uuid", "uuid"),
    column("json", "json"),
    column("dynamic", "dynamic"),
  ];
  const full = [
    "true",
    "-32768",
    "2147483647",
    "-9223372036854775808",
    "123456789012345678901234567890123456.78",
    "1e+400",
    "12345678901234567890123456789012345678.90",
    "0.1",
    "0.30000000000000004",
    JSON.stringify('a "b"\t\n\r\\ é 😀 \0 null'),
    "*AAH/",
    "2024-02-29",
    "23:59:59.123456",
    "2024-02-29T23:59:59.123456",
    "2024-02-29T23:59:59.5+02:00",
    '"1 year 2 mons 3 days 04:05:06"',
    "550e8400-e29b-41d4-a716-446655440000",
    JSON.stringify('{"a" : [1, "x\\ny"]}'),
    "12.50",
  ];

  test("come with their types, and digit by digit", async () => {
    await write(columns, [`${full.join("\t")}\n`, `${columns.map(() => "null").join("\t")}\n`]);
    const types = await askDuckDb(`SELECT column_name, column_type FROM (DESCRIBE FROM '${path}')`);
    expect(Object.fromEntries(types as [string, string][])).toEqual({
      boolean: "BOOLEAN",
      int16: "SMALLINT",
      int32: "INTEGER",
      int64: "BIGINT",
      decimal: "DECIMAL(38,2)",
      number: "VARCHAR",
      huge: "VARCHAR",
      float32: "FLOAT",
      float64: "DOUBLE",
      text: "VARCHAR",
      bytes: "BLOB",
      date: "DATE",
      time: "TIME",
      timestamp: "TIMESTAMP",
      timestamptz: "TIMESTAMP WITH TIME ZONE",
      interval: "VARCHAR",
      uuid: "UUID",
      json: "JSON",
      dynamic: "VARCHAR",
    });
    const texts = columns.map(({ name }) => (name === "bytes" ? "hex(bytes)" : `CAST("${name}" AS VARCHAR)`));
    const [first, second] = await askDuckDb(`SELECT ${texts.join(", ")} FROM '${path}'`);
    expect(first).toEqual([
      "true",
      "-32768",
      "2147483647",
      "-9223372036854775808",
      "123456789012345678901234567890123456.78",
      "1e+400",
      "12345678901234567890123456789012345678.90",
      "0.1",
      "0.30000000000000004",
      'a "b"\t\n\r\\ é 😀 \0 null',
      "0001FF",
      "2024-02-29",
      "23:59:59.123456",
      "2024-02-29 23:59:59.123456",
      "2024-02-29 21:59:59.5+00",
      "1 year 2 mons 3 days 04:05:06",
      "550e8400-e29b-41d4-a716-446655440000",
      '{"a" : [1, "x\\ny"]}',
      "12.50",
    ]);
    expect(second).toEqual(columns.map(() => null));
  });

  test("are read by another reader, too", async () => {
    const file = await write(columns, [`${full.join("\t")}\n`]);
    const [row] = await readIndependently(file);
    expect(row).toMatchObject({
      boolean: true,
      int16: -32768,
      int32: 2147483647,
      int64: -9223372036854775808n,
      float64: 0.30000000000000004,
      text: 'a "b"\t\n\r\\ é 😀 \0 null',
      bytes: new Uint8Array([0, 1, 255]),
      date: new Date("2024-02-29T00:00:00Z"),
      timestamp: new Date("2024-02-29T23:59:59.123Z"),
      timestamptz: new Date("2024-02-29T21:59:59.500Z"),
      json: { a: [1, "x\ny"] },
      dynamic: "12.50",
    });
    expect(row!["float32"]).toBeCloseTo(0.1, 6);
  });

  test("that are not finite are floats all the same", async () => {
    await write([column("x", "float64"), column("y", "float32")], ["NaN\tInfinity\n", "-Infinity\tNaN\n"]);
    expect(await askDuckDb(`SELECT CAST(x AS VARCHAR), CAST(y AS VARCHAR) FROM '${path}'`)).toEqual([
      ["nan", "inf"],
      ["-inf", "nan"],
    ]);
  });

  test("a file without rows is whole, and has its columns", async () => {
    const file = await write(columns, []);
    expect([file.subarray(0, 4), file.subarray(-4)]).toEqual([MAGIC, MAGIC]);
    expect(await readIndependently(file)).toEqual([]);
    expect((await metadataOf(file)).schema).toHaveLength(columns.length + 1);
  });

  test("in one column, NULL, an empty text and the text null are three", async () => {
    const file = await write([column("x", "text")], ['null\n""\n"null"\n"\\\\N"\n']);
    expect(await readIndependently(file)).toEqual([{ x: null }, { x: "" }, { x: "null" }, { x: "\\N" }]);
  });

  test("a cell may have 3 MB, whatever is in it", async () => {
    const text = '"\n\t,é'.repeat(420_000);
    const file = await write(
      [column("i", "int64"), column("x", "text")],
      [1, 2, 3].map((i) => `${i}\t${JSON.stringify(text)}\n`),
    );
    const rows = await readIndependently(file);
    expect(rows.map(({ i, x }) => [i, x === text])).toEqual([
      [1n, true],
      [2n, true],
      [3n, true],
    ]);
  });

  test("a row larger than that is told, and ends the file without an end", async () => {
    const rows = await parquetRows(
      async () => feedOf([column("x", "text")], [`"${"x".repeat(5 * 1024 * 1024)}"\n`]),
      signal,
    );
    await expect(readFile(rows)).rejects.toMatchObject({
      code: "ERR_QUERY",
      message: expect.stringContaining("4 MiB"),
    });
  });

  test("1,000 columns are none too many", async () => {
    const many = Array.from({ length: 1000 }, (_, index) => column(`c${index}`, index % 2 ? "text" : "int64"));
    const line = `${many.map(({ type }, index) => (type === "text" ? `"t${index}"` : index)).join("\t")}\n`;
    const rows = await readIndependently(
      await write(
        many,
        Array.from({ length: 3000 }, () => line),
      ),
    );
    expect(rows).toHaveLength(3000);
    expect(rows[2999]).toMatchObject({ c0: 0n, c1: "t1", c998: 998n, c999: "t999" });
  });

  test.each([
    ["int64", "1.5"],
    ["int64", "9223372036854775808"],
    ["int64", '"12a"'],
    ["int16", "32768"],
    ["float64", '"x"'],
    ["boolean", '"x"'],
    ["decimal", "123.45", { precision: 4, scale: 2 }],
    ["decimal", "NaN", { precision: 4, scale: 2 }],
    ["bytes", '"abcd"'],
    ["date", "infinity"],
    ["timestamp", "-infinity"],
    ["uuid", '"x"'],
    ["json", '"{"'],
  ] as [type: ColumnType, cell: string, more?: object][])(
    "what is no %s fails the file, by the column's name: %s",
    async (type, cell, more = {}) => {
      const feed = feedOf([column("a", "int64"), column('the "b"', type, more)], [`1\tnull\n2\t${cell}\n`]);
      const rows = await parquetRows(async () => feed, signal);
      await expect(readFile(rows)).rejects.toMatchObject({
        code: "ERR_QUERY",
        message: expect.stringMatching(new RegExp(String.raw`"the \\"b\\"" is ${type}, and has `, "u")),
      });
    },
  );

  test("one that does not fit after many rows leaves no file that looks whole", async () => {
    const lines = Array.from({ length: 40 }, (_, page) =>
      Array.from({ length: 10_000 }, (_row, index) => `${page * 10_000 + index}\n`).join(""),
    );
    const rows = await parquetRows(async () => feedOf([column("i", "int64")], [...lines, '"x"\n']), signal);
    const parts: Buffer[] = [];
    const reading = (async () => {
      for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
    })();
    await expect(reading).rejects.toMatchObject({ code: "ERR_QUERY" });
    const file = Buffer.concat(parts);
    expect(file.subarray(0, 4)).toEqual(MAGIC);
    expect(file.length).toBeGreaterThan(4);
    expect(file.subarray(-4)).not.toEqual(MAGIC);
  });
});

describe("Parquet out of SQLite", () => {
  const database = join(folder, "values.db");
  const source = new DatabaseSync(database);
  source.exec("CREATE TABLE cells (id INTEGER PRIMARY KEY, t TEXT, b BLOB, r REAL, n INTEGER, x)");
  const db = sqlite(database);

  test("any text, any bytes and any integer come back as they were", { timeout: 60_000 }, async () => {
    const cell = record({
      t: oneof(
        constant(null),
        hostileText.map((text) => text.toWellFormed().replaceAll("\0", "")),
      ),
      b: oneof(constant(null), uint8Array({ maxLength: 40 })),
      n: oneof(constant(null), bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    });
    await assert(
      asyncProperty(array(cell, { minLength: 1, maxLength: 30 }), async (cells) => {
        source.exec("DELETE FROM cells");
        const insert = source.prepare("INSERT INTO cells (id, t, b, n) VALUES (?, ?, ?, ?)");
        for (const [index, { t, b, n }] of cells.entries()) insert.run(index, t, b, n);
        const file = await readBytes(db.table("cells"), parquet);
        const rows = await readIndependently(file);
        expect(rows.map(({ t, b, n }) => ({ t, b, n }))).toEqual(cells);
      }),
      { numRuns: 15 },
    );
  });

  test("values of every kind in a column without a type are text", async () => {
    const query = db.query(
      `SELECT x FROM (VALUES (1), (2.5), ('"t"'), (NULL), (x'00ff'), (9007199254740993)) AS v (x)`
        .replace("SELECT x FROM (VALUES", "WITH v (x) AS (VALUES")
        .replace(") AS v (x)", ") SELECT x FROM v"),
    );
    expect(await readIndependently(await readBytes(query, parquet))).toEqual(
      ["1", "2.5", '"t"', null, "AP8=", "9007199254740993"].map((x) => ({ x })),
    );
  });

  test("a value that a column's type does not have fails it, by the column's name", async () => {
    source.exec("DELETE FROM cells; INSERT INTO cells (n) VALUES (1), ('one'); ");
    await expect(readBytes(db.table("cells"), parquet)).rejects.toMatchObject({
      message: expect.stringContaining('"n" is int64'),
    });
    source.exec("DELETE FROM cells; INSERT INTO cells (b) VALUES (x'00'), ('abcd'); ");
    await expect(readBytes(db.table("cells"), parquet)).rejects.toMatchObject({
      message: expect.stringContaining('"b" is bytes'),
    });
  });

  test("says how many rows it has, and whether it was cut", async () => {
    const sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n";
    for (const [maxRows, truncated] of [
      [0, true],
      [10, true],
      [1000, false],
    ] as const) {
      const rows = await db.query(sql).open(wanted("parquet", {}, maxRows), signal);
      const file = await readFile(rows);
      expect([await readIndependently(file).then(({ length }) => length), rows.rows, rows.truncated]).toEqual([
        maxRows,
        maxRows,
        truncated,
      ]);
    }
  });

  test("rows keep their order", async () => {
    const sql =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i, 'row ' || i AS t FROM n";
    writeFileSync(path, await readBytes(db.query(sql), parquet));
    expect(
      await askDuckDb(
        `SELECT count(*), bool_and(CAST(i AS BIGINT) = file_row_number + 1), max(file_row_number) FROM read_parquet('${path}', file_row_number = true)`,
      ),
    ).toEqual([["300000", true, "299999"]]);
  });
});

test.each([
  [
    ["a", "a", "a"],
    ["a", "a_1", "a_2"],
  ],
  [
    ["a", "A"],
    ["a", "A_1"],
  ],
  [
    ["a", "a_1", "a"],
    ["a", "a_1", "a_2"],
  ],
  [
    ["a", "a", "a_1"],
    ["a", "a_2", "a_1"],
  ],
  [
    ["", "x", ""],
    ["column1", "x", "column3"],
  ],
])("columns named %j are %j", (given, unique) => {
  expect(uniqueNames(given)).toEqual(unique);
});
