import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { constant, oneof, string } from "fast-check";
import type { RowFormatName, RowFormatOptions, RowQuery, RowRequest } from "../../src/index.ts";
import { resolveRowFormatOptions } from "../../src/rows/row-formats.ts";

/** Runs until it is stopped, and gives no row. */
export const ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
/** Gives rows without end. */
export const ENDLESS_ROWS =
  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'row ' || i FROM n";

/** A folder for this test file's databases, removed after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-rows-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a database by SQL. */
export function makeDatabase(path: string, sql: string): string {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
  return path;
}

/** How rows are wanted. */
export function wanted(name: RowFormatName = "csv", options: RowFormatOptions = {}, maxRows = Infinity): RowRequest {
  return { format: { name, options: resolveRowFormatOptions(options) }, maxRows, caller: undefined };
}

/** All of a query's rows, as text. */
export async function readAll(query: RowQuery, request: RowRequest = wanted()): Promise<string> {
  return (await readBytes(query, request)).toString();
}

export async function readBytes(query: RowQuery, request: RowRequest = wanted()): Promise<Buffer> {
  const rows = await query.open(request, new AbortController().signal);
  const parts: Buffer[] = [];
  for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
  return Buffer.concat(parts);
}

/** The reader processes of this process that read `path`: their ids. */
export function readersOf(path: string): number[] {
  const list = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" });
  return list
    .split("\n")
    .filter((line) => line.endsWith(path))
    .map((line) => Number.parseInt(line, 10));
}

/** CPU time that a process has used, in ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** RFC 4180 §2, to the letter: fields of text, and whether they were quoted. Anything else throws. */
export function parseCsv(text: string): { text: string; quoted: boolean }[][] {
  const records: { text: string; quoted: boolean }[][] = [];
  const field = /"((?:[^"]|"")*)"|([^",\r\n]*)/uy;
  for (let at = 0; at < text.length;) {
    const record: { text: string; quoted: boolean }[] = [];
    for (;;) {
      field.lastIndex = at;
      const [all, quoted, plain] = field.exec(text)!;
      record.push({ text: quoted?.replaceAll('""', '"') ?? plain!, quoted: quoted !== undefined });
      at += all.length;
      if (text[at] !== ",") break;
      at++;
    }
    if (text.slice(at, at + 2) !== "\r\n")
      throw new Error(`No CRLF behind the record at ${at}: ${JSON.stringify(text.slice(at, at + 20))}`);
    at += 2;
    records.push(record);
  }
  return records;
}

/** Text of what CSV is written with, and of anything else. */
export const hostileText = string({
  unit: oneof(
    ...['"', ",", "\r", "\n", " "].map((unit) => constant(unit)),
    string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 60,
});

/** Whether there is such a process. A zombie that nobody waits for is none. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
