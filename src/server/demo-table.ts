import { setImmediate } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";

const BATCH_ROWS = 50_000;

/** Names as people have them: with commas, quotes, apostrophes, and from everywhere. */
const NAMES = `('Ada Lovelace'), ('O''Brien, Siobhán'), ('José "Pepe" García'), ('李小龙'), ('Müller & Söhne, Köln'),
  ('Zoë van der Berg'), ('Smith, John "Jack"'), ('Αλέξανδρος'), ('Nguyễn Thị Hoa'), ('Plain Jane'), ('🦊 Reynard, Ltd.')`;

/** Makes a SQLite database with one table, `huge_table`. @param onRows - told how many rows there are so far */
export async function makeTable(path: string, rows: number, onRows: (rows: number) => void): Promise<void> {
  const database = new DatabaseSync(path);
  try {
    // Nobody sees the file before it is whole: no journal, no waiting for the disk.
    database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    database.exec(`CREATE TABLE huge_table (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount REAL NOT NULL, created_at TEXT NOT NULL, note TEXT
    )`);
    database.exec(
      `CREATE TEMP TABLE names (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO names (name) VALUES ${NAMES}`,
    );
    const insert = database.prepare(`
      WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
      INSERT INTO huge_table
      SELECT n, (SELECT name FROM names WHERE id = n % 11 + 1), (n * 7919 % 1000000) / 100.0,
        strftime('%Y-%m-%dT%H:%M:%SZ', 1735689600 + n * 31, 'unixepoch'),
        CASE n % 5 WHEN 0 THEN 'Order ' || n || ', paid' WHEN 1 THEN '' ELSE NULL END
      FROM numbers`);
    for (let first = 1; first <= rows; first += BATCH_ROWS) {
      const last = Math.min(rows, first + BATCH_ROWS - 1);
      insert.run({ first: BigInt(first), last: BigInt(last) });
      onRows(last);
      // So that a signal is noticed.
      await setImmediate();
    }
  } finally {
    database.close();
  }
}
