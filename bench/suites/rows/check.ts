/** What every peer must send: as many rows as there are, and the right cells in the first and the last of them. */
import { isDeepStrictEqual } from "node:util";
import type { RunningServer } from "../../harness/server.ts";
import type { Row } from "../../harness/types.ts";
import { parseCsv, parseHead, parseJson, parseParquet } from "./parse-rows.ts";
import { COLUMNS, rowCount, type TableRow, tableRows } from "./table.ts";

/** Rows that are compared, of each end. */
const SAMPLED = 500;
/** Enough for so many of them, in every text format. */
const SAMPLE_BYTES = 256 * 1024;
const LF = 0x0a;

/** How many rows a peer is asked for: slow ones for fewer. */
export function rowsOf({ share = 1 }: Row): number {
  return Math.round(rowCount() * share);
}

export function pathOf(row: Row): string {
  return row.share === undefined || row.share === 1 ? row.path : `${row.path}?limit=${rowsOf(row)}`;
}

export async function checkRows(server: RunningServer, row: Row): Promise<void> {
  const path = pathOf(row);
  const response = await fetch(server.url + path, { headers: { "Accept-Encoding": "identity" } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  if (row.path.endsWith(".parquet")) {
    const { count, first, last } = await parseParquet(await response.arrayBuffer(), SAMPLED);
    return compare(path, rowsOf(row), { count, first, last }, tableRows);
  }
  const isCsv = row.path.endsWith(".csv");
  const parse = isCsv ? parseCsv : parseJson;
  const { lines, start, end } = await readEnds(response);
  const [head = "", ...others] = start.split(/(?<=\n)/u);
  if (isCsv) checkHead(path, head);
  const first = isCsv ? others : [head, ...others];
  const last = end.split(/(?<=\n)/u);
  const sent = {
    count: isCsv ? lines - 1 : lines,
    first: parse(first.slice(0, SAMPLED).join("")),
    last: parse(last.slice(-SAMPLED).join("")),
  };
  compare(path, rowsOf(row), sent, (from, to) => tableRows(from, to).map((each) => (isCsv ? withoutNull(each) : each)));
}

function checkHead(path: string, head: string): void {
  const names = parseHead(head);
  if (!isDeepStrictEqual(names, [...COLUMNS])) throw new Error(`${path} has the columns ${names.join(", ")}`);
}

interface Sent {
  count: number;
  first: TableRow[];
  last: TableRow[];
}

function compare(path: string, count: number, sent: Sent, rows: (first: number, last: number) => TableRow[]): void {
  if (sent.count !== count) throw new Error(`${path} sent ${sent.count} rows, not ${count}`);
  const { first, last } = sent;
  if (first.length < SAMPLED || last.length < SAMPLED) throw new Error(`${path} has rows that cannot be told apart`);
  for (const [from, part] of [
    [1, first],
    [count - last.length + 1, last],
  ] as const) {
    for (const [index, wanted] of rows(from, from + part.length - 1).entries()) {
      if (isDeepStrictEqual(part[index], wanted)) continue;
      throw new Error(`${path} sent ${JSON.stringify(part[index])}, not ${JSON.stringify(wanted)}`);
    }
  }
}

function withoutNull(row: TableRow): TableRow {
  return { ...row, note: row.note ?? "" };
}

/** No cell of the table has a line break: a line is a row. */
async function readEnds(response: Response): Promise<{ lines: number; start: string; end: string }> {
  let lines = 0;
  let start = Buffer.alloc(0);
  let end = Buffer.alloc(0);
  for await (const part of response.body!) {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines++;
    if (start.length < SAMPLE_BYTES) start = Buffer.concat([start, bytes]);
    end = Buffer.concat([end, bytes]);
    if (end.length > 2 * SAMPLE_BYTES) end = end.subarray(-SAMPLE_BYTES);
  }
  return { lines, start: start.toString(), end: end.toString() };
}
