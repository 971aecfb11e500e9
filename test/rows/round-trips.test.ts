import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RowFormatName, RowFormatOptions } from "../../src/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { quoteName } from "../../src/rows/sql-dialect.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../helpers/postgres.ts";
import { PYTHON, copyFrom, csvParse, duckDb, pythonCsv, sqlite3Import, type CsvReader } from "./round-trips-readers.ts";
import { type Cell, endsCopy, type NastyTable, nastyTables } from "./round-trips-tables.ts";
import { readBytes, temporaryFolder, wanted } from "./support.ts";

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

const folder = temporaryFolder();
const tables = nastyTables(SEED);
const path = join(folder, "nasty.db");
const database = sqlite(path);

beforeAll(() => {
  const made = new DatabaseSync(path);
  for (const [index, { columns, rows }] of tables.entries()) {
    made.exec(`CREATE TABLE t${index} (${columns.map((_, column) => `c${column} TEXT`).join(", ")}); BEGIN`);
    const insert = made.prepare(`INSERT INTO t${index} VALUES (${columns.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(...row);
    made.exec("COMMIT");
  }
  made.close();
});
afterAll(() => database.destroy());

/** A table of ours as a file. @param left - numbers of rows that are left out, from 0 */
function written(
  table: NastyTable,
  format: RowFormatName,
  options: RowFormatOptions = {},
  left: readonly number[] = [],
): Promise<Buffer> {
  const list = table.columns.map((name, column) => `c${column} AS ${quoteName(name)}`);
  const rows = `rowid NOT IN (${left.map((row) => row + 1).join(", ")})`;
  const sql = `SELECT ${list.join(", ")} FROM t${tables.indexOf(table)} WHERE ${rows}`;
  return readBytes(database.query(sql), wanted(format, options));
}

/** What is left of a NULL, where it cannot be told from an empty text. */
function expected({ columns, rows }: NastyTable, tellsNull: boolean): (readonly Cell[])[] {
  // One that is alone in its line is written as an empty text.
  if (tellsNull && columns.length > 1) return [...rows];
  return rows.map((row) => row.map((cell) => cell ?? ""));
}

/** As `toEqual`, which takes seconds for large tables that are equal. */
function expectSame(cells: readonly (readonly Cell[])[], wantedCells: readonly (readonly Cell[])[]): void {
  if (JSON.stringify(cells) !== JSON.stringify(wantedCells)) expect(cells).toEqual(wantedCells);
}

function isHere(program: string, hint: string): boolean {
  if (!spawnSync(program, ["--version"]).error) return true;
  if (process.env["CI"]) throw new Error(`${program} is not here, and CI allows no skip`);
  console.warn(`Skipped: ${program} is not here, so nothing is read back by it. On Debian: ${hint}`);
  return false;
}

const READERS: readonly CsvReader[] = [
  csvParse,
  duckDb,
  ...(isHere("sqlite3", "apt-get install sqlite3") ? [sqlite3Import] : []),
  ...(isHere(PYTHON, "apt-get install python3") ? [pythonCsv] : []),
];

describe.each(READERS)("CSV that is read back by $name", (reader) => {
  test.each(tables)("has the same cells: $name", async (table) => {
    const file = join(folder, `${READERS.indexOf(reader)}-${tables.indexOf(table)}.csv`);
    writeFileSync(file, await written(table, "csv"));
    expectSame(await reader.read(file, table.columns.length), expected(table, reader.tellsNull));
  });

  test("has the same cells where lines end in LF, and NULL has a form of its own", async () => {
    // DuckDB is told how lines end.
    if (reader === duckDb) return;
    const file = join(folder, `${READERS.indexOf(reader)}-lf.csv`);
    const table = tables[0]!;
    writeFileSync(file, await written(table, "csv", { eol: "lf", null: "<NULL>" }));
    expect(await reader.read(file, 3)).toEqual(table.rows.map((row) => row.map((cell) => cell ?? "<NULL>")));
  });
});

describe.each(READERS)("a header that is read back by $name", (reader) => {
  test.each(tables.filter(({ rows }) => rows.length < 10))(
    "has the same names: $name",
    async ({ columns, ...rest }) => {
      const table = tables.find(({ name }) => name === rest.name)!;
      const file = join(folder, `header-${READERS.indexOf(reader)}-${tables.indexOf(table)}.csv`);
      // It is read as a row is, behind a line that is passed over.
      const first = Buffer.from(`${columns.map(() => "x").join(",")}\r\n`);
      writeFileSync(file, Buffer.concat([first, await written(table, "csv")]));
      expect((await reader.read(file, columns.length))[0]).toEqual(columns);
    },
  );
});

describe.runIf(hasPostgres())("read back by PostgreSQL", () => {
  let server: TestPostgres;
  let major = 0;
  beforeAll(async () => {
    server = await startPostgres();
    const { rows } = await server.admin.query<{ v: number }>("SELECT current_setting('server_version_num')::int AS v");
    major = Math.floor(rows[0]!.v / 10_000);
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(tables)("CSV has the same cells: $name", async (table) => {
    const { columns, rows } = table;
    // What this server cannot read in any CSV, its own neither.
    const left = major >= 18 ? [] : rows.flatMap((row, index) => (row.some(endsCopy) ? [index] : []));
    expect(left.length).toBeLessThanOrEqual(rows.length / 10);
    const read = await copyFrom(server, await written(table, "csv", {}, left), columns.length, "FORMAT csv, HEADER");
    expectSame(
      read,
      expected(table, true).filter((_, index) => !left.includes(index)),
    );
  });

  test.each(tables)("TSV has the same cells, and NULL is NULL: $name", async (table) => {
    const bytes = await written(table, "tsv");
    expectSame(await copyFrom(server, bytes, table.columns.length, "FORMAT text, HEADER"), table.rows);
  });

  test("CSV of one column has the same cells, where NULL has a form of its own", async () => {
    const table = tables.find(({ name }) => name === "one column")!;
    const bytes = await written(table, "csv", { null: "\\N", eol: "lf" });
    expect(await copyFrom(server, bytes, 1, "FORMAT csv, HEADER, NULL '\\N'")).toEqual(table.rows);
  });
});
