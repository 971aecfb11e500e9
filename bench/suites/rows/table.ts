/** The table that all peers read: the same rows in SQLite and in PostgreSQL. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { postgresFolder, startPostgres } from "../../harness/postgres-server.ts";

export const COLUMNS = ["id", "name", "amount", "quantity", "created_at", "note"] as const;

/** A row of the table: what JSON can say of it. */
export type TableRow = Record<(typeof COLUMNS)[number], string | number | null>;

/** Commas, quotes and more than ASCII: as people's names have them. */
const NAMES = ["Ada Lovelace", "O'Brien, Siobhán", 'José "Pepe" García', "Plain Jane", "Zoë van der Berg", "李小龙"];

const CASES = NAMES.map((name, index) => `WHEN ${index} THEN '${name.replaceAll("'", "''")}'`);
/** What both databases make of `i`, but for the time. */
const NAME = `CASE i % ${NAMES.length} ${CASES.join(" ")} END`;
const AMOUNT = "(i * 7919 % 1000000) / 100.0";
const QUANTITY = "i * 31 % 1000";
const NOTE = "CASE i % 5 WHEN 0 THEN 'Order ' || i || ', paid' WHEN 1 THEN '' END";
/** 2025-01-01, in seconds. */
const START = 1_735_689_600;

let rows = 3_000_000;
let sqlitePath = "";

/** How many rows the table has. */
export function rowCount(): number {
  return rows;
}

/** Where SQLite's table is. */
export function tablePath(): string {
  return sqlitePath;
}

/** The rows from `first` to `last`, counted from 1. */
export function tableRows(first: number, last: number): TableRow[] {
  using database = new DatabaseSync(sqlitePath, { readOnly: true });
  const statement = database.prepare("SELECT * FROM huge_table WHERE id BETWEEN ? AND ? ORDER BY id");
  return statement.all(first, last).map((row) => ({ ...row }) as TableRow);
}

function makeSqlite(path: string): void {
  using database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE huge_table (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount REAL NOT NULL, quantity INTEGER NOT NULL,
      created_at TEXT NOT NULL, note TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO huge_table SELECT i, ${NAME}, ${AMOUNT}, ${QUANTITY},
        strftime('%Y-%m-%dT%H:%M:%SZ', ${START} + i, 'unixepoch'), ${NOTE} FROM n`);
}

async function makePostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // So written, a table has its rows in their order; INSERT looks for free room.
  await client.query(`
    CREATE TABLE huge_table (id, name, amount, quantity, created_at, note) AS
      SELECT i::integer, ${NAME}, (${AMOUNT})::double precision, (${QUANTITY})::integer,
        to_char(to_timestamp(${START} + i) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ${NOTE}
      FROM generate_series(1, ${rows}::bigint) i;
    ALTER TABLE huge_table ADD PRIMARY KEY (id),
      ALTER name SET NOT NULL, ALTER amount SET NOT NULL, ALTER quantity SET NOT NULL, ALTER created_at SET NOT NULL`);
  await client.query("VACUUM ANALYZE huge_table");
  await client.query("CHECKPOINT");
  await client.end();
}

/** Makes the table; the peers are told by `BENCH_POSTGRES` where the second one is. */
export async function makeTables(folder: string, quick: boolean): Promise<void> {
  if (quick) rows = 200_000;
  sqlitePath = join(folder, "rows.db");
  makeSqlite(sqlitePath);
  if (postgresFolder === undefined) return;
  const url = await startPostgres(folder);
  await makePostgres(url);
  process.env["BENCH_POSTGRES"] = url;
}
