import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbDatabase, duckdb } from "../../../src/rows/databases/duckdb.ts";
import { until } from "../../helpers/deadline.ts";
import { watchTemporaryFiles } from "../parquet/support.ts";
import { isRunning, readAll, readBytes, readersOf, temporaryFolder, wanted } from "../support.ts";
import { execute, writeSecret } from "./support.ts";

const folder = temporaryFolder();
const temporaryFiles = watchTemporaryFiles(folder);
const signal = new AbortController().signal;
const open = (db: DuckDbDatabase, sql: string): Promise<unknown> => db.query(sql).open(wanted(), signal);

describe("the files of a root", () => {
  const root = join(folder, "root");
  const outside = join(folder, "outside");
  let db: DuckDbDatabase;
  beforeAll(async () => {
    for (const path of [root, outside, join(folder, "root2"), join(root, "sub")]) mkdirSync(path);
    await writeSecret(outside);
    await writeSecret(join(folder, "root2"));
    await execute(
      ":memory:",
      `COPY (SELECT 1 AS a) TO '${root}/orders.parquet'; COPY (SELECT 2 AS a) TO '${root}/sub/orders.csv'; COPY (SELECT 3 AS a) TO '${root}/orders.json'`,
    );
    symlinkSync(join(outside, "secret.parquet"), join(root, "link.parquet"));
    symlinkSync(outside, join(root, "linked"));
    db = duckdb("", { root });
  });
  afterAll(() => db.destroy());

  test.each([
    ["'orders.parquet'", 1],
    ["'sub/orders.csv'", 2],
    ["'./sub/../orders.json'", 3],
    ["read_csv('sub/*.csv')", 2],
    [`'${root}/orders.parquet'`, 1],
  ])("are read by their names: %s", async (from, value) => {
    expect(await readAll(db.query(`SELECT a FROM ${from}`))).toBe(`"a"\r\n${value}\r\n`);
  });

  test.each([
    "'../outside/secret.parquet'",
    "'sub/../../outside/secret.parquet'",
    `'${outside}/secret.parquet'`,
    `'${root}/../outside/secret.parquet'`,
    `'${folder}/root2/secret.parquet'`,
    "'../root2/secret.parquet'",
    "'link.parquet'",
    "'linked/secret.parquet'",
    "'../*/*.parquet'",
    "'linked/*.parquet'",
    "read_text('/etc/hostname')",
    "read_blob('/proc/self/environ')",
    "read_csv('/dev/fd/0')",
    "glob('/etc/*')",
    "parquet_metadata('../outside/secret.parquet')",
    "sniff_csv('/etc/hostname')",
    "'https://example.com/x.parquet'",
    "'s3://bucket/x.parquet'",
  ])("and no other is: %s", async (from) => {
    await expect(readAll(db.query(`SELECT * FROM ${from}`))).rejects.toMatchObject({ code: "ERR_QUERY", status: 403 });
  });

  test("can be exported as Parquet, which can be written nowhere else", async () => {
    const before = new Set<unknown>(readdirSync(root, { recursive: true }));
    expect((await readBytes(db.query("FROM 'orders.parquet'"), wanted("parquet"))).subarray(-4).toString()).toBe(
      "PAR1",
    );
    await expect(open(db, `COPY (SELECT 1) TO '${root}/mine.csv'`)).rejects.toMatchObject({ status: 403 });
    expect(new Set<unknown>(readdirSync(root, { recursive: true }))).toEqual(before);
  });

  test("none is read where there is no root", async () => {
    await using plain = duckdb(await execute(join(folder, "plain.duckdb"), "CREATE TABLE t (a INTEGER)"));
    await expect(open(plain, `FROM '${root}/orders.parquet'`)).rejects.toMatchObject({ status: 403 });
    await expect(open(plain, "FROM 'orders.parquet'")).rejects.toMatchObject({ status: 403 });
  });
});

describe("a statement that is not a query", () => {
  let db: DuckDbDatabase;
  beforeAll(async () => {
    db = duckdb(
      await execute(join(folder, "statements.duckdb"), "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"),
      {
        root: folder,
      },
    );
  });
  afterAll(() => db.destroy());

  test.each([
    "ATTACH 'other.duckdb'",
    "COPY t TO 'x.csv'",
    "CREATE TEMP TABLE x AS SELECT 1",
    "EXPORT DATABASE 'x'",
    "INSTALL spatial",
    "LOAD spatial",
    "SET threads = 1",
    "RESET threads",
    "PRAGMA threads = 1",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "BEGIN",
    "CHECKPOINT",
    "PREPARE x AS SELECT 1",
    "USE statements",
    "VACUUM",
  ])("is refused: %s", async (sql) => {
    await expect(open(db, sql)).rejects.toMatchObject({
      code: "ERR_QUERY",
      status: expect.toSatisfy((status) => status === 400 || status === 403),
    });
  });

  test("leaves the settings as they are", async () => {
    const query = db.query(
      "SELECT current_setting('enable_external_access') AS a, current_setting('lock_configuration') AS b",
    );
    expect(await readAll(query, wanted("tsv", { header: false }))).toBe("false\ttrue\n");
  });

  test.each([
    "FROM t",
    "VALUES (1)",
    "TABLE t",
    "DESCRIBE t",
    "SHOW TABLES",
    "SUMMARIZE t",
    "(SELECT 1) UNION (SELECT 2);",
  ])("what reads is one: %s", async (sql) => {
    expect((await readAll(db.query(sql))).split("\r\n").length).toBeGreaterThan(2);
  });

  test.each([
    ["SELEC 1", 1],
    ["SELECT a,\n  nothing FROM t", 13],
    ["SELECT 'é', nothing FROM t", 13],
    ["SELECT * FROM nowhere", 15],
    [`SELECT ${"a, ".repeat(200)}nothing FROM t`, 608],
    ["SELECT a FROM t WHERE a = :b AND nothing = 1", 34],
  ])("that is wrong is so at a position: %s", async (sql, position) => {
    const parameters = sql.includes(":b") ? { b: 1 } : {};
    await expect(db.query(sql, parameters).open(wanted(), signal)).rejects.toMatchObject({ status: 400, position });
  });

  test("that fails while it runs says so, before its first row", async () => {
    await expect(readAll(db.query("SELECT CAST('x' || a AS INTEGER) AS b FROM t"))).rejects.toMatchObject({
      code: "ERR_QUERY",
      databaseCode: "Conversion Error",
    });
  });
});

describe("a database of DuckDB", () => {
  test.each(["", ":memory:"])("without a file has a root: %j", (path) => {
    expect(() => duckdb(path)).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION" }));
  });

  test.each([{ root: join(folder, "nowhere") }, { threads: 0 }, { memoryLimit: "a lot" }, { maxSpill: "-1GB" }])(
    "refuses %j",
    (options) => {
      expect(() => duckdb("x.duckdb", options)).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION" }));
    },
  );

  test("that is not there, or none, cannot be read", async () => {
    await using missing = duckdb(join(folder, "missing.duckdb"));
    await expect(open(missing, "SELECT 1")).rejects.toMatchObject({ code: "ERR_DATABASE" });
    expect(existsSync(join(folder, "missing.duckdb"))).toBe(false);
    writeFileSync(join(folder, "none.duckdb"), "x".repeat(10_000));
    await using none = duckdb(join(folder, "none.duckdb"));
    await expect(open(none, "SELECT 1")).rejects.toMatchObject({ code: "ERR_DATABASE" });
  });

  test("that another process writes to is busy, and can be read after it", async () => {
    const path = await execute(join(folder, "busy.duckdb"), "CREATE TABLE t AS SELECT 1 AS a");
    const script = `const { DuckDBInstance } = require("@duckdb/node-api");
      DuckDBInstance.create(${JSON.stringify(path)}).then((i) => i.connect()).then(() => console.log("open"));
      process.stdin.on("end", () => process.exit()).resume();`;
    const writer = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
    await once(writer.stdout, "data");
    await using db = duckdb(path);
    await expect(open(db, "FROM t")).rejects.toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    writer.stdin.end();
    await once(writer, "exit");
    expect(await readAll(db.query("FROM t"))).toBe('"a"\r\n1\r\n');
    // Between queries nothing keeps a writer out.
    await execute(path, "INSERT INTO t VALUES (2)");
    expect(await readAll(db.query("FROM t"))).toBe('"a"\r\n1\r\n2\r\n');
  });

  test("whose reader is killed fails", async () => {
    const path = await execute(join(folder, "killed.duckdb"), "CREATE TABLE t (a INTEGER)");
    await using db = duckdb(path);
    for (const format of ["csv", "parquet"] as const) {
      const rows = await db
        .query("SELECT i, i * 7919 AS j FROM range(1000000000) AS r (i)")
        .open(wanted(format), signal);
      await rows.pull();
      for (const pid of readersOf(path)) process.kill(pid, "SIGKILL");
      const reading = (async () => {
        while ((await rows.pull()) !== undefined);
      })();
      await expect(reading).rejects.toMatchObject({ code: "ERR_DATABASE" });
    }
  });

  test.each(["csv", "parquet"] as const)("ends with its reader's leaving, and leaves no file: %s", async (format) => {
    const path = await execute(join(folder, `left-${format}.duckdb`), "CREATE TABLE t (a INTEGER)");
    await using db = duckdb(path, { memoryLimit: "64MB" });
    const sort = "SELECT md5(CAST(i AS VARCHAR)) AS m FROM range(30000000) AS r (i) ORDER BY m";
    for (const [sql, pulls] of [
      ["SELECT i, i * 7919 AS j FROM range(1000000000) AS r (i)", 2],
      [sort, 0],
    ] as const) {
      const rows = await db.query(sql).open(wanted(format), signal);
      for (let count = 0; count < pulls; count++) await rows.pull();
      const pending = Promise.resolve(rows.pull()).catch(() => {});
      // What has no room in memory is on disk by then.
      if (pulls === 0) await until(() => temporaryFiles().length > 0, "a file of what has no room in memory");
      const readers = readersOf(path);
      rows.cancel(new Error("left"));
      await until(() => readers.every((pid) => !isRunning(pid)), "the end of the reader", 1_000);
      await until(() => temporaryFiles().length === 0, "the end of its files", 1_000);
      await pending;
    }
  });

  test("gives up on a query that needs more than it may have", async () => {
    await using db = duckdb("", { root: folder, memoryLimit: "32MB", maxSpill: "0MB" });
    const query = db.query("SELECT md5(CAST(i AS VARCHAR)) AS m FROM range(10000000) AS r (i) ORDER BY m");
    await expect(readAll(query)).rejects.toMatchObject({ code: "ERR_QUERY", databaseCode: "Out of Memory Error" });
  });

  test("says what to install, where its module is missing", async () => {
    const elsewhere = mkdtempSync(join(folder, "elsewhere-"));
    cpSync(join(import.meta.dirname, "../../../src"), join(elsewhere, "src"), { recursive: true });
    const url = pathToFileURL(join(elsewhere, "src/rows/databases/duckdb.ts"));
    const copy = (await import(url.href)) as { duckdb: typeof duckdb };
    await using db = copy.duckdb("", { root: folder });
    for (let count = 0; count < 2; count++) {
      await expect(open(db, "SELECT 1")).rejects.toMatchObject({
        code: "ERR_DATABASE",
        message: expect.stringContaining("npm install @duckdb/node-api"),
      });
    }
  });

  test("has tables of every schema, with their types and about how many rows", async () => {
    const path = await execute(
      join(folder, "schemas.duckdb"),
      `CREATE TABLE t AS SELECT i FROM range(500) AS r (i); CREATE SCHEMA other; CREATE TABLE other.t (d DECIMAL(10, 2));
       CREATE VIEW v AS SELECT * FROM t; CREATE VIEW broken AS SELECT * FROM t; CREATE TABLE "a.b" (c INTEGER)`,
    );
    await using db = duckdb(path);
    const tables = await db.tables(signal);
    expect(tables.map(({ name, kind, estimatedRows }) => [name, kind, estimatedRows])).toEqual([
      ["a.b", "table", 0],
      ["broken", "view", undefined],
      ["t", "table", 500],
      ["v", "view", undefined],
      ["other.t", "table", 0],
    ]);
    expect(tables.at(-1)!.columns).toEqual([
      { name: "d", type: "decimal", declared: "DECIMAL(10,2)", precision: 10, scale: 2 },
    ]);
    expect(await readAll(db.table("other.t"))).toBe('"d"\r\n');
    expect(await readAll(db.table("a.b"))).toBe('"c"\r\n');
  });
});
