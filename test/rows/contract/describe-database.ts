import { parse } from "csv-parse/sync";
import { assert, asyncProperty, type Arbitrary, array, bigInt, constant, oneof, tuple } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowDatabase, RowFormatName, RowStream } from "../../../src/index.ts";
import { until } from "../../helpers/deadline.ts";
import { hostileText, parseCsv, readAll, wanted } from "../support.ts";

/** What a test of the contract has to know of a database. */
export interface Rig {
  readonly name: string;
  /** Its names for a 64-bit integer, text and bytes. */
  readonly types: { readonly integer: string; readonly text: string; readonly bytes: string };
  /** Runs statements that make things, by another way than the one that is tested. */
  execute(sql: string): Promise<void>;
  /** A query of this many rows: `i` from 1 on, and a text. */
  rows(count: number): string;
  /** A query that is busy without giving a row, for longer than any test. */
  readonly busy: string;
  /** Whether a query is running in the database. */
  isBusy(): boolean | Promise<boolean>;
  create(options: { maxQueries?: number; maxQueriesPerCaller?: number; maxWaitMs?: number }): RowDatabase;
}

const signal = new AbortController().signal;
const CELL: Arbitrary<string | bigint | null> = oneof(
  constant(null),
  hostileText.map((text) => text.replaceAll("\0", "").toWellFormed()),
  bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

/** The suite that every database passes. */
export function describeDatabase(make: () => Promise<Rig & AsyncDisposable>): void {
  describe("the contract of databases", () => {
    let rig: Rig & AsyncDisposable;
    let database: RowDatabase;
    beforeAll(async () => {
      rig = await make();
      const { integer, text, bytes } = rig.types;
      await rig.execute(
        `CREATE TABLE people (id ${integer} PRIMARY KEY, name ${text}, photo ${bytes});
         INSERT INTO people VALUES (1, 'Ada', NULL), (2, 'O''Brien, "Bo"', NULL), (3, '', NULL), (4, NULL, NULL);
         CREATE TABLE empty (a ${integer}, b ${text});
         CREATE VIEW named AS SELECT id, name FROM people WHERE name IS NOT NULL;
         CREATE TABLE "odd ""name""" ("a,b" ${integer}, "say ""x""" ${text});
         INSERT INTO "odd ""name""" VALUES (7, 'x')`,
      );
      database = rig.create({});
    }, 60_000);
    afterAll(async () => {
      await database?.destroy();
      await rig?.[Symbol.asyncDispose]();
    });
    const open = (sql: string, format: RowFormatName = "csv"): Promise<RowStream> =>
      database.query(sql).open(wanted(format), signal);

    test.each<[format: RowFormatName, text: string]>([
      ["csv", '"id","name"\r\n1,"Ada"\r\n2,"O\'Brien, ""Bo"""\r\n3,""\r\n4,\r\n'],
      ["tsv", 'id\tname\n1\tAda\n2\tO\'Brien, "Bo"\n3\t\n4\t\\N\n'],
      [
        "ndjson",
        '{"id":1,"name":"Ada"}\n{"id":2,"name":"O\'Brien, \\"Bo\\""}\n{"id":3,"name":""}\n{"id":4,"name":null}\n',
      ],
      [
        "json",
        '[\n{"id":1,"name":"Ada"},\n{"id":2,"name":"O\'Brien, \\"Bo\\""},\n{"id":3,"name":""},\n{"id":4,"name":null}\n]\n',
      ],
    ])("writes %s", async (format, text) => {
      expect(await readAll(database.query("SELECT id, name FROM people ORDER BY id"), wanted(format))).toBe(text);
    });

    test("a query with parameters gives the same bytes as one without", async () => {
      for (const format of ["csv", "tsv", "ndjson", "json"] as const) {
        const plain = await readAll(
          database.query("SELECT id, name FROM people WHERE id < 4 ORDER BY id"),
          wanted(format),
        );
        const query = database.query("SELECT id, name FROM people WHERE id < :most ORDER BY id", { most: 4 });
        expect(await readAll(query, wanted(format))).toBe(plain);
      }
    });

    test.each<[format: RowFormatName, text: string]>([
      ["csv", '"a","b"\r\n'],
      ["tsv", "a\tb\n"],
      ["ndjson", ""],
      ["json", "[\n\n]\n"],
    ])("no rows are a whole %s, too", async (format, text) => {
      expect(await readAll(database.table("empty"), wanted(format))).toBe(text);
    });

    test("tells its columns before anything runs", async () => {
      const columns = await database.query("SELECT id, name, photo FROM people").describe(signal);
      expect(columns.map(({ name, type }) => [name, type])).toEqual([
        ["id", "int64"],
        ["name", "text"],
        ["photo", "bytes"],
      ]);
      const rows = await open(rig.busy);
      expect(rows.columns).toHaveLength(1);
      rows.cancel(undefined);
      await until2(async () => !(await rig.isBusy()), "nothing that runs");
    });

    test("lists tables and views, which can be read by the names that are listed", async () => {
      const tables = await database.tables(signal);
      expect(tables.map(({ name, kind }) => [name, kind])).toEqual(
        expect.arrayContaining([
          ["people", "table"],
          ["empty", "table"],
          ["named", "view"],
          ['odd "name"', "table"],
        ]),
      );
      expect(tables.find(({ name }) => name === "people")!.columns.map(({ name }) => name)).toEqual([
        "id",
        "name",
        "photo",
      ]);
      for (const { name } of tables) expect(await readAll(database.table(name))).toMatch(/^"/u);
      expect(await readAll(database.table('odd "name"'))).toBe('"a,b","say ""x"""\r\n7,"x"\r\n');
    });

    test("a table that is not there is told so: 404", async () => {
      await expect(database.table("nowhere").open(wanted(), signal)).rejects.toMatchObject({
        name: "HttpError",
        status: 404,
      });
      const injected = database.table('people" WHERE 1=0 --').open(wanted(), signal);
      await expect(injected).rejects.toMatchObject({ status: 404 });
    });

    test("columns of the same name are all there", async () => {
      const query = database.query("SELECT 1 AS a, 2 AS a, 3 AS a");
      expect(await readAll(query)).toBe('"a","a","a"\r\n1,2,3\r\n');
      expect(await readAll(query, wanted("ndjson"))).toBe('{"a":1,"a":2,"a":3}\n');
    });

    test("1,000 columns are none too many", async () => {
      const list = Array.from({ length: 1000 }, (_, index) => `${index} AS c${index}`).join(", ");
      const [header, row] = parseCsv(await readAll(database.query(`SELECT ${list}`)));
      expect([header!.length, row!.length, row![999]!.text]).toEqual([1000, 1000, "999"]);
      const line = await readAll(database.query(`SELECT ${list}`), wanted("ndjson"));
      expect(JSON.parse(line)).toMatchObject({ c0: 0, c500: 500, c999: 999 });
    });

    test("one column: a row is never an empty line", async () => {
      const query = database.query("SELECT name FROM people ORDER BY id");
      expect(await readAll(query)).toBe('"name"\r\n"Ada"\r\n"O\'Brien, ""Bo"""\r\n""\r\n""\r\n');
      expect(await readAll(query, wanted("csv", { null: "\\N" }))).toMatch(/\r\n""\r\n\\N\r\n$/u);
    });

    test("the rows that are wanted are the rows that come, and more are told", async () => {
      const query = database.query(rig.rows(1000));
      for (const [maxRows, truncated] of [
        [0, true],
        [1, true],
        [50, true],
        [51, true],
        [999, true],
        [1000, false],
        [1001, false],
      ] as const) {
        const rows = await query.open(wanted("tsv", { header: false }, maxRows), signal);
        const text = await drain(rows);
        const count = Math.min(maxRows, 1000);
        expect([text.split("\n").length - 1, rows.rows, rows.truncated]).toEqual([count, count, truncated]);
      }
    });

    test.each(["csv", "json"] as const)("a hundred thousand rows come whole and in order, as %s", async (format) => {
      const rows = await open(rig.rows(100_000), format);
      const text = await drain(rows);
      expect(rows.rows).toBe(100_000);
      const first: string[] =
        format === "json"
          ? (JSON.parse(text) as { i: number }[]).map(({ i }) => String(i))
          : parseCsv(text)
              .slice(1)
              .map(([cell]) => cell!.text);
      expect(first).toHaveLength(100_000);
      expect(first.every((id, index) => id === String(index + 1))).toBe(true);
    });

    test("every cell is read back by a reader of CSV, and by one of JSON", { timeout: 60_000 }, async () => {
      await assert(
        asyncProperty(array(tuple(CELL, CELL), { minLength: 1, maxLength: 20 }), async (cells) => {
          const values: Record<string, string | bigint | null> = {};
          const parts = cells.map(([a, b], index) => {
            values[`a${index}`] = typeof a === "bigint" ? String(a) : a;
            values[`b${index}`] = typeof b === "bigint" ? b : null;
            return `SELECT ${index} AS i, CAST(:a${index} AS ${rig.types.text}) AS a, CAST(:b${index} AS ${rig.types.integer}) AS b`;
          });
          const query = database.query(`${parts.join(" UNION ALL ")} ORDER BY 1`, values);
          const wantedCells = cells.map((_, index) => [values[`a${index}`], values[`b${index}`]]);
          const records = parse(await readAll(query), {
            cast: (value, { quoting, header }) => (value === "" && !quoting && !header ? null : value),
          }) as unknown as (string | null)[][];
          expect(records.slice(1).map(([, a, b]) => [a, b === null ? null : BigInt(b!)])).toEqual(wantedCells);
          const lines = (await readAll(query, wanted("ndjson", { bigint: "string" }))).trimEnd().split("\n");
          const objects = lines.map((line) => JSON.parse(line) as { a: string | null; b: string | number | null });
          expect(objects.map(({ a, b }) => [a, b === null ? null : BigInt(b)])).toEqual(wantedCells);
        }),
        { numRuns: 25 },
      );
    });

    test("Excel's profile guards text that looks like a formula, and no number", async () => {
      const query = database.query(
        "SELECT '=1+1' AS a, '+x' AS b, '-x' AS c, '@x' AS d, 'x=1' AS e, -5 AS f, '＝x' AS g",
      );
      const text = await readAll(query, wanted("csv", { profile: "excel" }));
      expect(text).toBe('\uFEFF"a","b","c","d","e","f","g"\r\n"\'=1+1","\'+x","\'-x","\'@x","x=1",-5,"\'＝x"\r\n');
      expect(await readAll(query)).toContain('"=1+1","+x","-x"');
    });

    test("lines end as they are wanted to", async () => {
      const query = database.query("SELECT 1 AS a");
      expect(await readAll(query, wanted("csv", { eol: "lf" }))).toBe('"a"\n1\n');
      expect(await readAll(query, wanted("csv", { header: false }))).toBe("1\r\n");
      expect(await readAll(query, wanted("csv", { sep: true }))).toBe('sep=,\r\n"a"\r\n1\r\n');
    });

    test("integers beyond 2^53 are numbers with all their digits, or strings", async () => {
      const max = "9007199254740991";
      const list = ["9007199254740992", "-9007199254740992", max, `-${max}`, "9223372036854775807", "5"];
      const sql = list.map((digits, index) => `CAST(${digits} AS ${rig.types.integer}) AS c${index}`).join(", ");
      const query = database.query(`SELECT ${sql}`);
      const cells = (line: string): string[] =>
        line
          .trimEnd()
          .slice(1, -1)
          .split(",")
          .map((cell) => cell.split(":")[1]!);
      expect(cells(await readAll(query, wanted("ndjson")))).toEqual(list);
      expect(cells(await readAll(query, wanted("ndjson", { bigint: "string" })))).toEqual([
        '"9007199254740992"',
        '"-9007199254740992"',
        max,
        `-${max}`,
        '"9223372036854775807"',
        "5",
      ]);
    });

    test.each([
      ["SELEC 1", 400],
      ["SELECT * FROM nowhere", 400],
      ["SELECT nothing FROM people", 400],
      ["", 400],
      [" -- nothing\n", 400],
      ["SELECT 1; SELECT 2", 400],
      ["SELECT 1; DROP TABLE people", 400],
      ["SELECT 1) SELECT (2", 400],
      ["select 1) to stdout; drop table people; --", 400],
    ])("refuses %j", async (sql, status) => {
      await expect(open(sql)).rejects.toMatchObject({ code: "ERR_QUERY", status });
      expect(await readAll(database.query("SELECT count(*) AS n FROM people"))).toBe('"n"\r\n4\r\n');
    });

    test.each([
      "INSERT INTO people VALUES (9, 'Eve', NULL)",
      "INSERT INTO people VALUES (9, 'Eve', NULL) RETURNING id",
      "DELETE FROM people RETURNING id",
      "UPDATE people SET name = 'x' RETURNING id",
      "DROP TABLE people",
      "CREATE TABLE other AS SELECT 1",
      "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    ])("refuses what would write: %s", async (sql) => {
      const read = async (): Promise<string> => drain(await open(sql));
      await expect(read()).rejects.toMatchObject({ code: "ERR_QUERY" });
      expect(await readAll(database.query("SELECT count(*) AS n FROM people"))).toBe('"n"\r\n4\r\n');
    });

    test("a statement may end in a semicolon, and in a comment", async () => {
      expect(await readAll(database.query("/* a */ SELECT 1 AS a ; -- b"))).toBe('"a"\r\n1\r\n');
      expect(await readAll(database.query("SELECT 1 AS a -- b;"))).toBe('"a"\r\n1\r\n');
    });

    test("a query that is busy ends within a second of its abort", async () => {
      const rows = await open(rig.busy);
      const pull = Promise.resolve(rows.pull()).catch(() => {});
      await until2(() => rig.isBusy(), "a busy query");
      rows.cancel(new Error("left"));
      await until2(async () => !(await rig.isBusy()), "its end", 1_000);
      void pull;
      expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    });

    test("a query whose rows nobody takes ends within a second of its abort", async () => {
      const rows = await open(rig.rows(5_000_000));
      await rows.pull();
      rows.cancel(new Error("left"));
      await until2(async () => !(await rig.isBusy()), "its end", 1_000);
      expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    });

    test("one that is aborted before it is described is not run", async () => {
      const controller = new AbortController();
      const opening = database.query(rig.busy).open(wanted(), controller.signal);
      controller.abort(new Error("left"));
      await expect(opening).rejects.toThrow("left");
      await until2(async () => !(await rig.isBusy()), "nothing that runs", 1_000);
    });

    test("only so many run at a time, of one caller, too", async () => {
      await using few = rig.create({ maxQueries: 2, maxQueriesPerCaller: 1 });
      const of = (caller: string): Promise<RowStream> =>
        few.query(rig.rows(5_000_000)).open({ ...wanted(), caller }, signal);
      const first = await of("a");
      await expect(of("a")).rejects.toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
      const second = await of("b");
      await expect(of("c")).rejects.toMatchObject({ status: 503 });
      first.cancel(undefined);
      const third = await retry(() => of("a"));
      second.cancel(undefined);
      third.cancel(undefined);
    });

    test("one more waits for its turn, where it may", async () => {
      await using few = rig.create({ maxQueries: 1, maxWaitMs: 5_000 });
      const first = await few.query("SELECT 1 AS a").open(wanted(), signal);
      const second = readAll(few.query("SELECT 2 AS a"));
      expect(await drain(first)).toBe('"a"\r\n1\r\n');
      expect(await second).toBe('"a"\r\n2\r\n');
    });

    test("closing waits for those that run, and takes no more", async () => {
      const closing = rig.create({});
      const rows = await closing.query("SELECT 1 AS a").open(wanted(), signal);
      let isClosed = false;
      const closed = closing.close().then(() => (isClosed = true));
      await expect(closing.query("SELECT 1").open(wanted(), signal)).rejects.toMatchObject({ code: "ERR_DATABASE" });
      expect(isClosed).toBe(false);
      expect(await drain(rows)).toBe('"a"\r\n1\r\n');
      await closed;
    });

    test("destroying stops those that run", async () => {
      const destroyed = rig.create({});
      const rows = await destroyed.query(rig.busy).open(wanted(), signal);
      const failure = Promise.resolve(rows.pull()).then(
        () => undefined,
        (error: unknown) => error,
      );
      await until2(() => rig.isBusy(), "a busy query");
      await destroyed.destroy();
      expect(await failure).toMatchObject({ code: "ERR_DATABASE" });
      await until2(async () => !(await rig.isBusy()), "its end", 1_000);
    });
  });
}

/** All that is left of the rows, as text. */
export async function drain(rows: RowStream): Promise<string> {
  const parts: Buffer[] = [];
  for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
  return Buffer.concat(parts).toString();
}

/** As `until`, for what has to be asked for. */
async function until2(condition: () => boolean | Promise<boolean>, what: string, ms = 8_000): Promise<void> {
  let holds = false;
  let asking = false;
  await until(
    () => {
      if (!asking && !holds) {
        asking = true;
        void Promise.resolve(condition()).then((answer) => {
          holds = answer;
          asking = false;
        });
      }
      return holds;
    },
    what,
    ms,
  );
}

async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
