/** Programs that read CSV: what each makes of a file of ours. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { parse } from "csv-parse/sync";
import type { TestPostgres } from "../helpers/postgres.ts";
import type { Cell } from "./round-trips-tables.ts";

export interface CsvReader {
  readonly name: string;
  /** Whether it can tell NULL, an empty field, from an empty text, `""`. */
  readonly tellsNull: boolean;
  /** Cells of all rows, without the header. */
  read(file: string, columns: number): Cell[][] | Promise<Cell[][]>;
}

export const csvParse: CsvReader = {
  name: "csv-parse",
  tellsNull: true,
  read: (file) =>
    parse(readFileSync(file), {
      fromLine: 1,
      maxRecordSize: 0,
      cast: (value, { quoting, header }) => (value === "" && !quoting && !header ? null : value),
    }).slice(1),
};

/** The system's, which starts sooner than one that is chosen among versions. */
export const PYTHON: string = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

export const pythonCsv: CsvReader = {
  name: "Python's csv",
  tellsNull: false,
  read(file) {
    const script =
      "import csv, json, sys\ncsv.field_size_limit(sys.maxsize)\n" +
      "with open(sys.argv[1], newline='', encoding='utf-8') as f: json.dump(list(csv.reader(f, strict=True)), sys.stdout)";
    const json = execFileSync(PYTHON, ["-c", script, file], { encoding: "utf8", maxBuffer: 2 ** 28 });
    return (JSON.parse(json) as Cell[][]).slice(1);
  },
};

export const sqlite3Import: CsvReader = {
  name: "sqlite3's .import --csv",
  tellsNull: false,
  read(file, columns) {
    const path = `${file}.db`;
    const database = new DatabaseSync(path);
    const names = namesOf(columns);
    database.exec(`CREATE TABLE imported (${names.map((name) => `${name} TEXT`).join(", ")})`);
    database.close();
    const complaints = execFileSync("sqlite3", [path, `.import --csv --skip 1 ${file} imported`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (complaints !== "") throw new Error(complaints);
    const imported = new DatabaseSync(path);
    const statement = imported.prepare("SELECT * FROM imported ORDER BY rowid");
    statement.setReturnArrays(true);
    const rows = statement.all() as unknown as Cell[][];
    imported.close();
    return rows;
  },
};

export const duckDb: CsvReader = {
  name: "DuckDB's read_csv",
  tellsNull: true,
  async read(file, columns) {
    const types = namesOf(columns).map((name) => `${name}: 'VARCHAR'`);
    const options =
      `columns = {${types.join(", ")}}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', ` +
      "nullstr = '', allow_quoted_nulls = false, max_line_size = 50000000, parallel = false, new_line = '\\r\\n'";
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    try {
      // As bytes: where its own client makes strings of them, it takes away what looks like a byte order mark.
      const sql = `SELECT to_base64(encode(COLUMNS(*))) FROM read_csv('${file}', ${options})`;
      const rows = (await connection.runAndReadAll(sql)).getRows() as Cell[][];
      return rows.map((row) => row.map((cell) => cell && Buffer.from(cell, "base64").toString()));
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  },
};

/** @param options - of COPY */
export async function copyFrom(
  { admin, folder }: TestPostgres,
  bytes: Buffer,
  columns: number,
  options: string,
): Promise<Cell[][]> {
  // The server reads it, as a user of its own.
  const file = join(folder, "copied");
  writeFileSync(file, bytes);
  chmodSync(file, 0o644);
  const names = namesOf(columns);
  const list = names.map((name) => `${name} text`).join(", ");
  // A heap is in no order.
  await admin.query(`DROP TABLE IF EXISTS copied; CREATE TABLE copied (number serial, ${list})`);
  await admin.query(`COPY copied (${names.join(", ")}) FROM '${file}' (${options})`);
  const { rows } = await admin.query<Cell[]>({
    text: `SELECT ${names.join(", ")} FROM copied ORDER BY number`,
    rowMode: "array",
  });
  return rows;
}

function namesOf(columns: number): string[] {
  return Array.from({ length: columns }, (_, index) => `c${index}`);
}
