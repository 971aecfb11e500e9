import { assert, asyncProperty, array, constant, integer, oneof, record } from "fast-check";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { describeTarget, planQuery } from "../../src/rows/databases/sqlite/query-plan.ts";
import { openReadOnly } from "../../src/rows/databases/sqlite/statement.ts";
import { hostileText, makeDatabase, readAll, temporaryFolder, wanted } from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(
  join(folder, "pages.db"),
  `CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, amount REAL, quantity INTEGER, any, day DATE);
   CREATE INDEX t_quantity ON t (quantity);
   CREATE TABLE other (a TEXT, b INTEGER);
   CREATE TABLE keyed (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
   CREATE TABLE shadowed (rowid TEXT, a);
   CREATE VIEW plain AS SELECT id, name FROM t WHERE quantity > 1;
   CREATE VIEW unsorted AS SELECT id, name FROM t WHERE amount > 1;
   CREATE VIEW backwards AS SELECT id, name FROM t ORDER BY id DESC;
   CREATE VIEW onit AS SELECT * FROM backwards;
   WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
   INSERT INTO t SELECT i * 3, 'name ' || i, i / 4.0, i % 7, CASE i % 3 WHEN 0 THEN i WHEN 1 THEN 'x' END, '2026-01-01' FROM n;
   INSERT INTO other SELECT name, quantity FROM t; INSERT INTO shadowed SELECT name, id FROM t; INSERT INTO keyed SELECT name, id FROM t`,
);
const database = sqlite(path);
afterAll(() => database.destroy());

function isPaged(sql: string): boolean {
  const reader = openReadOnly(path);
  try {
    const { format } = wanted();
    return planQuery(reader, describeTarget(reader, { sql, parameters: {} }), format).pages !== undefined;
  } finally {
    reader.close();
  }
}

test.each<[sql: string, paged: boolean]>([
  ["SELECT * FROM t", true],
  ["select * from T as x where x.amount > 3 -- ORDER BY id", true],
  ['SELECT "name", amount * 2 FROM "t"', true],
  ["SELECT name FROM main.t WHERE quantity = 3", true],
  ["SELECT name FROM t WHERE id > 100 AND id < 500", true],
  ["SELECT 'ORDER', name FROM t", true],
  ["SELECT * FROM plain", false],
  ["SELECT id FROM t WHERE quantity > 3", false],
  ["SELECT * FROM unsorted", true],
  ["SELECT a FROM other WHERE b > 2", true],
  ["SELECT name FROM t ORDER BY id DESC", false],
  ["SELECT name FROM t LIMIT 5", false],
  ["SELECT DISTINCT name FROM t", false],
  ["SELECT count(*) FROM t", false],
  ["SELECT id, max(name) FROM t", false],
  ["SELECT id, sum(amount) OVER () FROM t", false],
  ["SELECT t.id FROM t JOIN other ON name = a", false],
  ["SELECT t.id FROM t, other", false],
  ["SELECT id FROM t UNION ALL SELECT id FROM t", false],
  ["SELECT id FROM t WHERE name IN (SELECT a FROM other)", false],
  ["SELECT id FROM t GROUP BY id", false],
  ["SELECT * FROM backwards", false],
  ["SELECT * FROM onit", false],
  ["SELECT a FROM keyed", false],
  ["SELECT a FROM shadowed", false],
  ["VALUES (1)", false],
])("%j is read in pages: %s", (sql, paged) => {
  expect(isPaged(sql)).toBe(paged);
});

test.each([
  "SELECT * FROM t",
  "SELECT name FROM t WHERE quantity = 3",
  "SELECT * FROM unsorted",
  "SELECT a FROM other",
  "SELECT name FROM t WHERE id BETWEEN 100 AND 8000",
])("in pages %j has the rows that it has row by row", async (sql) => {
  for (const format of ["csv", "tsv", "ndjson", "json"] as const) {
    const paged = await readAll(database.query(sql), wanted(format));
    // A limit makes it one that has no key.
    expect(await readAll(database.query(`${sql} LIMIT 100000`), wanted(format))).toBe(paged);
  }
});

test("an order that a view has is kept", async () => {
  const [, first] = (await readAll(database.query("SELECT id FROM onit"))).split("\r\n");
  expect(first).toBe("9000");
});

test("keys at both ends of what an integer can be, and rows that are not there", async () => {
  const file = makeDatabase(
    join(folder, "ends.db"),
    `CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE none (id INTEGER PRIMARY KEY);
     INSERT INTO t VALUES (-9223372036854775808), (-1), (0), (9223372036854775807)`,
  );
  await using ends = sqlite(file);
  expect(await readAll(ends.table("t"))).toBe('"id"\r\n-9223372036854775808\r\n-1\r\n0\r\n9223372036854775807\r\n');
  expect(await readAll(ends.table("none"))).toBe('"id"\r\n');
});

test("rows that are larger than a page come by themselves, between others", async () => {
  const file = join(folder, "large.db");
  const writer = new DatabaseSync(file);
  writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)");
  const insert = writer.prepare("INSERT INTO t (a) VALUES (?)");
  const sizes = [3, 5, 12_000_000, 7, 9_000_000, 9_000_000, 100, 0];
  for (const size of sizes) insert.run('"'.repeat(size % 2) + "x".repeat(size - (size % 2)));
  writer.close();
  await using large = sqlite(file);
  for (const query of [large.table("t"), large.query("SELECT * FROM t LIMIT 100")]) {
    const lines = (await readAll(query, wanted("ndjson"))).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { a: string }).a.length)).toEqual(sizes);
  }
});

test("a value that is not as its column is declared is written as what it is", { timeout: 60_000 }, async () => {
  const file = join(folder, "odd.db");
  const writer = new DatabaseSync(file);
  writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c REAL, d, e DECIMAL(10,2), f DATETIME)");
  const insert = writer.prepare("INSERT INTO t (a, b, c, d, e, f) VALUES (?, ?, ?, ?, ?, ?)");
  await using odd = sqlite(file);
  const value = oneof(
    constant<SQLInputValue>(null),
    hostileText.map((text) => text.toWellFormed()),
    integer().map(BigInt),
    constant(0.5),
    constant(Infinity),
    constant(-Infinity),
    constant(1e300),
    constant(new Uint8Array([0, 255, 34])),
    constant(new Uint8Array(0)),
  );
  const row = record({ a: value, b: value, c: value, d: value, e: value, f: value });
  await assert(
    asyncProperty(array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
      writer.exec("DELETE FROM t");
      for (const { a, b, c, d, e, f } of rows) insert.run(a, b, c, d, e, f);
      const stored = writer.prepare("SELECT a, b, c, d, e, f FROM t ORDER BY id");
      stored.setReadBigInts(true);
      stored.setReturnArrays(true);
      const cells = stored.all() as unknown as SQLInputValue[][];
      const text = await readAll(
        odd.query("SELECT a, b, c, d, e, f FROM t"),
        wanted("csv", { eol: "lf", header: false }),
      );
      expect(text).toBe(cells.map((each) => `${each.map(toCsv).join(",")}\n`).join(""));
      const lines = await readAll(odd.query("SELECT a, b, c, d, e, f FROM t"), wanted("ndjson"));
      expect(
        lines
          .trimEnd()
          .split("\n")
          .map((line) => Object.values(JSON.parse(line) as object)),
      ).toEqual(cells.map((each) => each.map(toJson)));
    }),
    { numRuns: 60 },
  );
  writer.close();
});

function toCsv(value: SQLInputValue): string {
  if (value === null) return "";
  if (typeof value === "string") return `"${value.replaceAll('"', '""')}"`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"`;
  if (value === 1e300) return "1.0e+300";
  return typeof value === "number" && Number.isInteger(value) ? `${value}.0` : `${value as number | bigint}`;
}

function toJson(value: SQLInputValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return typeof value === "bigint" ? Number(value) : value;
}

test("what json() gives is text, as any", async () => {
  expect(await readAll(database.query(`SELECT json('{"a":1}') AS j, '{}' AS t`), wanted("ndjson"))).toBe(
    '{"j":"{\\"a\\":1}","t":"{}"}\n',
  );
});

test("a database in UTF-16 gives UTF-8", async () => {
  const file = makeDatabase(
    join(folder, "utf16.db"),
    "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t (a) VALUES ('Zoë 李 😊')",
  );
  await using wide = sqlite(file);
  expect(await readAll(wide.table("t"))).toBe('"id","a"\r\n1,"Zoë 李 😊"\r\n');
  expect(await readAll(wide.table("t"), wanted("ndjson"))).toBe('{"id":1,"a":"Zoë 李 😊"}\n');
});

test("an export is one state of the database, though others write", async () => {
  const file = makeDatabase(
    join(folder, "snapshot.db"),
    `PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) INSERT INTO t SELECT i, 'old' FROM n`,
  );
  await using live = sqlite(file);
  const rows = await live.table("t").open(wanted(), new AbortController().signal);
  const parts = [Buffer.from((await rows.pull())!)];
  const writer = new DatabaseSync(file);
  writer.exec("UPDATE t SET a = 'new'; DELETE FROM t WHERE id % 2 = 0");
  expect(live.stats()).toMatchObject({ running: 1 });
  expect(live.stats().walBytes).toBeGreaterThan(100_000);
  for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
  const text = Buffer.concat(parts).toString();
  expect(text.match(/old/gu)).toHaveLength(200_000);
  expect(text).not.toContain("new");
  expect(live.stats().running).toBe(0);
  writer.close();
});
