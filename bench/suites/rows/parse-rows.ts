/** What was sent, as rows of the table: by other parsers than anything that is measured has. */
import { zstdDecompressSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { COLUMNS, type TableRow } from "./table.ts";

const NUMBERS = new Set(["id", "amount", "quantity"]);

/** Lines without their header. NULL and '' are the same here: only some peers' CSV tells them apart. */
export function parseCsv(lines: string): TableRow[] {
  const records = parse(lines, { columns: [...COLUMNS] }) as Record<keyof TableRow, string>[];
  return records.map((record) => asRow((name) => (NUMBERS.has(name) ? Number(record[name]) : record[name])));
}

/** The names in the first line. */
export function parseHead(line: string): string[] {
  return parse(line)[0] ?? [];
}

/** JSON Lines, or the lines of an array of objects, one on each. */
export function parseJson(lines: string): TableRow[] {
  const objects = lines.trimEnd().split("\n");
  return objects.map((line) => JSON.parse(line.replace(/^\[(?=\{)|(?<=\})[,\]]$/gu, "")) as TableRow);
}

/** So many rows of the start and of the end, and how many there are. */
export async function parseParquet(
  file: ArrayBuffer,
  sampled: number,
): Promise<{ count: number; first: TableRow[]; last: TableRow[] }> {
  const count = Number(parquetMetadata(file).num_rows);
  const read = async (rowStart: number, rowEnd: number): Promise<TableRow[]> => {
    const compressors = { ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes) };
    const objects = await parquetReadObjects({ file, rowStart, rowEnd, compressors });
    return objects.map((object) => asRow((name) => toJson(object[name])));
  };
  return { count, first: await read(0, sampled), last: await read(count - sampled, count) };
}

function toJson(value: unknown): string | number | null {
  return typeof value === "bigint" ? Number(value) : (value as string | number | null);
}

function asRow(cell: (name: keyof TableRow) => string | number | null): TableRow {
  return Object.fromEntries(COLUMNS.map((name) => [name, cell(name)])) as TableRow;
}
