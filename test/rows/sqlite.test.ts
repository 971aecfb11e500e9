import { type Arbitrary, array, assert, asyncProperty, bigInt, constant, oneof, uint8Array } from "fast-check";
import { renameSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { until, within } from "../helpers/deadline.ts";
import {
  ENDLESS,
  ENDLESS_ROWS,
  hostileText,
  makeDatabase,
  parseCsv,
  readAll,
  readersOf,
  temporaryFolder,
  wanted,
} from "./support.ts";

const folder = temporaryFolder();
const path = makeDatabase(
  join(folder, "small.db"),
  `CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, height REAL);
   INSERT INTO people VALUES (1, 'Ada', 1.65), (2, 'O''Brien, "Bo"', NULL), (3, '', 1.8);
   CREATE TABLE empty (a, b);
   CREATE VIEW tall AS SELECT name FROM people WHERE height > 1.7;
   CREATE VIRTUAL TABLE words USING fts5(text);
   INSERT INTO words VALUES ('hello world'), ('goodbye')`,
);
const database = sqlite(path);
afterAll(() => database.destroy());

test("the rows of a table come as CSV", async () => {
  expect(await readAll(database.query("SELECT * FROM people"))).toBe(
    '"id","name","height"\r\n1,"Ada",1.65\r\n2,"O\'Brien, ""Bo""",\r\n3,"",1.8\r\n',
  );
});

test("a table without rows is its header", async () => {
  expect(await readAll(database.query("SELECT * FROM empty"))).toBe('"a","b"\r\n');
});

test("a query tells its columns before it runs", async () => {
  const rows = await database
    .query("SELECT id, name, height * 2 AS twice, 1 AS id FROM people")
    .open(wanted(), new AbortController().signal);
  expect(rows.columns).toEqual([
    { name: "id", type: "int64", declared: "INTEGER" },
    { name: "name", type: "text", declared: "TEXT" },
    { name: "twice", type: "dynamic" },
    { name: "id", type: "dynamic" },
  ]);
  rows.cancel(undefined);
});

test.each<[sql: string, field: string]>([
  ["9223372036854775807", "9223372036854775807"],
  ["-9223372036854775808", "-9223372036854775808"],
  ["9007199254740993", "9007199254740993"],
  ["0.1 + 0.2", "0.30000000000000004"],
  ["1e300", "1.0e+300"],
  ["5.0", "5.0"],
  ["9e999", "Infinity"],
  ["x'00ff3e'", '"AP8+"'],
  ["x''", '""'],
  ["NULL", '""'],
  ["char(97, 0, 98)", '"a\0b"'],
  ["CAST(x'61ff62' AS TEXT)", '"a\ufffdb"'],
  ["char(128522, 0x674e)", '"😊李"'],
])("SELECT %s gives %j", async (sql, field) => {
  const [, value] = (await readAll(database.query(`SELECT ${sql}`))).split("\r\n");
  expect(value).toBe(field);
});

test("parameters are values, never SQL", async () => {
  const parameters = {
    text: "'; DROP TABLE people; --",
    big: 9_007_199_254_740_993n,
    real: 0.5,
    none: null,
    yes: true,
    bytes: new Uint8Array([1]),
    five: 5,
  };
  const sql = "SELECT :text, typeof(:big), :big, :real, :none IS NULL, :yes, hex(:bytes), 'No. ' || :five";
  const [, row] = parseCsv(await readAll(database.query(sql, parameters)));
  expect(row!.map(({ text }) => text)).toEqual([
    "'; DROP TABLE people; --",
    "integer",
    "9007199254740993",
    "0.5",
    "1",
    "1",
    "01",
    "No. 5",
  ]);
});

test("a query runs anew each time it is opened, and sees the file that has the name then", async () => {
  const replaced = makeDatabase(join(folder, "replaced.db"), "CREATE TABLE t (a); INSERT INTO t VALUES ('old')");
  await using here = sqlite(relative(process.cwd(), replaced));
  const query = here.query("SELECT a FROM t");
  expect(await readAll(query)).toBe('"a"\r\n"old"\r\n');
  makeDatabase(join(folder, "next.db"), "CREATE TABLE t (a); INSERT INTO t VALUES ('new')");
  renameSync(join(folder, "next.db"), replaced);
  expect(await readAll(query)).toBe('"a"\r\n"new"\r\n');
});

test("views, common tables, VALUES and full-text search are read", async () => {
  expect(await readAll(database.query("SELECT * FROM tall"))).toBe('"name"\r\n""\r\n');
  expect(await readAll(database.query("WITH a AS (SELECT 1 AS x) SELECT x FROM a"))).toBe('"x"\r\n1\r\n');
  expect(await readAll(database.query("VALUES (1, 2)"))).toContain("\r\n1,2\r\n");
  expect(await readAll(database.query("SELECT text FROM words WHERE words MATCH 'hello'"))).toBe(
    '"text"\r\n"hello world"\r\n',
  );
  expect(await readAll(database.query("SELECT name FROM pragma_table_info('empty') -- the end"))).toBe(
    '"name"\r\n"a"\r\n"b"\r\n',
  );
  expect(await readAll(database.query("/* first */ SELECT 1 AS one; -- and\n /* no more */ ;"))).toBe('"one"\r\n1\r\n');
});

test.each([
  "SELEC 1",
  "SELECT * FROM nowhere",
  "SELECT nothing FROM people",
  'SELECT "nothing" FROM people',
  "",
  " -- nothing\n;",
  "SELECT 1; SELECT 2",
  "SELECT 1; DROP TABLE people",
  "INSERT INTO people VALUES (4, 'Eve', 1)",
  "INSERT INTO people VALUES (4, 'Eve', 1) RETURNING id",
  "DELETE FROM people RETURNING id",
  "UPDATE people SET name = 'x'",
  "DROP TABLE people",
  "CREATE TEMP TABLE t AS SELECT 1",
  "BEGIN",
  "PRAGMA journal_mode = WAL",
  "PRAGMA writable_schema = 1",
  `ATTACH '${join(folder, "attached.db")}' AS other`,
  `VACUUM INTO '${join(folder, "copy.db")}'`,
  "SELECT load_extension('x')",
  "ANALYZE",
])("refuses %j, and tells why", async (sql) => {
  await expect(readAll(database.query(sql))).rejects.toMatchObject({ name: "SluiceError", code: "ERR_QUERY" });
  expect(await readAll(database.query("SELECT count(*) AS n FROM people"))).toBe('"n"\r\n3\r\n');
});

test("what is wrong with a query is said in SQLite's words", async () => {
  await expect(readAll(database.query("SELECT * FROM nowhere"))).rejects.toThrow("no such table: nowhere");
  await expect(readAll(database.query("SELEC 1"))).rejects.toThrow('near "SELEC": syntax error');
  await expect(readAll(database.query("SELECT 1; SELECT 2"))).rejects.toThrow(/one statement/u);
  await expect(readAll(database.query("DROP TABLE people"))).rejects.toThrow(/only reads/u);
});

test("a query that fails while it runs gives the rows before, and then its error", async () => {
  const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)
    SELECT i, json(CASE i WHEN 90000 THEN '{' ELSE '1' END) FROM n`;
  const rows = await database.query(sql).open(wanted(), new AbortController().signal);
  let byteLength = 0;
  const read = async (): Promise<void> => {
    for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) byteLength += item.length;
  };
  await expect(read()).rejects.toMatchObject({ code: "ERR_QUERY", message: "malformed JSON" });
  expect(byteLength).toBeGreaterThan(100_000);
});

test.each<[what: string, make: (path: string) => void]>([
  ["that is missing", () => {}],
  ["that is none", (file) => writeFileSync(file, "This is a text. ".repeat(100))],
  ["whose end is missing", (file) => truncateSync(makeDatabase(file, "CREATE TABLE t (a)"), 150)],
])("a database %s is told from a wrong query", async (what, make) => {
  const file = join(folder, `${what.replaceAll(" ", "-")}.db`);
  make(file);
  await using broken = sqlite(file);
  await expect(readAll(broken.query("SELECT * FROM sqlite_schema"))).rejects.toMatchObject({ code: "ERR_DATABASE" });
});

test("a database that a writer keeps to itself is busy: 503", async () => {
  const locked = makeDatabase(join(folder, "locked.db"), "CREATE TABLE t (a)");
  const writer = new DatabaseSync(locked);
  writer.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  await using waiting = sqlite(locked);
  await expect(readAll(waiting.query("SELECT * FROM t"))).rejects.toMatchObject({
    name: "HttpError",
    status: 503,
    headers: { "Retry-After": "1" },
  });
  writer.exec("ROLLBACK; PRAGMA locking_mode = NORMAL");
  writer.close();
  expect(await readAll(waiting.query("SELECT * FROM t"))).toBe('"a"\r\n');
});

test("more queries than maxQueries are refused with 503, until one has ended", async () => {
  await using few = sqlite(path, { maxQueries: 2 });
  const { signal } = new AbortController();
  const open = () => few.query(ENDLESS_ROWS).open(wanted(), signal);
  const [first] = [await open(), await open()];
  await expect(open()).rejects.toMatchObject({ name: "HttpError", status: 503 });
  await first.pull();
  first.cancel(undefined);
  const third = await open();
  expect(String(await third.pull())).toMatch(/^"i",/u);
});

test("a reader process serves one query after the other", async () => {
  await using reused = sqlite(path);
  await readAll(reused.query("SELECT 1"));
  const [pid] = readersOf(path);
  await readAll(reused.query("SELECT 1"));
  await expect(readAll(reused.query("SELEC 1"))).rejects.toThrow();
  (await reused.query(ENDLESS).open(wanted(), new AbortController().signal)).cancel(undefined);
  await readAll(reused.query("SELECT 1"));
  expect(readersOf(path)).toContain(pid);
});

test("closing takes no more queries, and waits for those that run; destroying stops them", async () => {
  const closing = sqlite(makeDatabase(join(folder, "closing.db"), "CREATE TABLE t (a)"));
  const rows = await closing.query("SELECT 1 AS one").open(wanted(), new AbortController().signal);
  let closed = false;
  const closes = closing.close().then(() => (closed = true));
  await expect(readAll(closing.query("SELECT 1"))).rejects.toMatchObject({ code: "ERR_DATABASE" });
  expect(closed).toBe(false);
  expect(String(await rows.pull())).toBe('"one"\r\n1\r\n');
  expect(await rows.pull()).toBeUndefined();
  await within(closes, "closing");
  expect(readersOf(join(folder, "closing.db"))).toEqual([]);

  const destroying = sqlite(join(folder, "closing.db"));
  const endless = await destroying.query(ENDLESS).open(wanted(), new AbortController().signal);
  const failure = (endless.pull() as Promise<unknown>).catch((error: unknown) => error);
  const startedAt = performance.now();
  await destroying.destroy();
  expect(await failure).toMatchObject({ code: "ERR_DATABASE" });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(readersOf(join(folder, "closing.db"))).toEqual([]);
});

test("a reader process that is killed fails its query, and the next has another", async () => {
  await using fragile = sqlite(path);
  const before = new Set(readersOf(path));
  const rows = await fragile.query(ENDLESS).open(wanted(), new AbortController().signal);
  const pull = rows.pull() as Promise<unknown>;
  const [pid] = readersOf(path).filter((each) => !before.has(each));
  process.kill(pid!, "SIGKILL");
  await expect(pull).rejects.toMatchObject({ code: "ERR_DATABASE" });
  await until(() => !readersOf(path).includes(pid!), "the end of the reader");
  expect(await readAll(fragile.query("SELECT 1 AS one"))).toBe('"one"\r\n1\r\n');
});

test("an idle reader process that is killed is not given the next query", async () => {
  await using fragile = sqlite(path);
  const before = new Set(readersOf(path));
  await readAll(fragile.query("SELECT 1"));
  const [pid] = readersOf(path).filter((each) => !before.has(each));
  process.kill(pid!, "SIGKILL");
  await until(() => !readersOf(path).includes(pid!), "the end of the reader");
  expect(await readAll(fragile.query("SELECT 1 AS one"))).toBe('"one"\r\n1\r\n');
});

test("misuse throws where it happens", () => {
  const option = expect.objectContaining({ code: "ERR_INVALID_OPTION" }) as Error;
  expect(() => sqlite(":memory:")).toThrow(option);
  expect(() => sqlite("")).toThrow(option);
  expect(() => sqlite(path, { maxQueries: 0 })).toThrow(option);
  expect(() => sqlite(pathToFileURL(path))).not.toThrow();
  expect(() => database.query(1 as never)).toThrow(option);
  expect(() => database.query("SELECT :a")).toThrow(expect.objectContaining({ code: "ERR_QUERY" }) as Error);
});

test("every value that SQLite keeps is read back from the CSV", { timeout: 60_000 }, async () => {
  const file = join(folder, "values.db");
  const writer = new DatabaseSync(file);
  writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)");
  const insert = writer.prepare("INSERT INTO t VALUES (?, ?, ?)");
  await using values = sqlite(file);
  const value: Arbitrary<null | string | bigint | Uint8Array> = oneof(
    constant(null),
    hostileText,
    bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    uint8Array({ maxLength: 50 }),
  );
  await assert(
    asyncProperty(array(value, { minLength: 2, maxLength: 200 }), async (cells) => {
      writer.exec("DELETE FROM t; BEGIN");
      for (const [index, cell] of cells.entries()) insert.run(index, cell, cells.at(-1 - index)!);
      writer.exec("COMMIT");
      const [, ...records] = parseCsv(await readAll(values.query("SELECT a, b FROM t ORDER BY id")));
      const decoded = records.map(([a], index) => {
        const wanted = cells[index];
        if (wanted instanceof Uint8Array) return new Uint8Array(Buffer.from(a!.text, "base64"));
        return typeof wanted === "bigint" ? BigInt(a!.text) : a!.text === "" && !a!.quoted ? null : a!.text;
      });
      expect(decoded).toEqual(cells);
    }),
    { numRuns: 40 },
  );
  writer.close();
});
