import { isUtf8 } from "node:buffer";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { FramedRows } from "../../readers/framed-rows.ts";
import { MAX_VALUE_BYTES } from "./statement.ts";

/** How long a page's text is to be, in bytes. */
const PAGE_BYTES = 128 * 1024;
/** Of the first page: the reader is to see it soon. */
const FIRST_ROWS = 50;
const MAX_PAGE_ROWS = 5_000;
/** How long a page may take, in ms: rows that were found are to be seen, however rare they are. */
const PAGE_MS = 20;
/** What a page may hold, in bytes; a row that does not fit is read by itself. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
const SQLITE_TOOBIG = 18;
const FIRST_KEY = -(2n ** 63n);
const LAST_KEY = 2n ** 63n - 1n;

interface Page {
  readonly lastKey: bigint;
  readonly rows: number;
  /** Bytes where the database is in UTF-8. */
  readonly text: Uint8Array | string;
}

/**
 * Reads many rows with one step of SQLite, as one value: nothing is done here for each.
 *
 * @returns whether there are more rows than `maxRows`
 */
export function sendPages(
  database: DatabaseSync,
  pageSql: string,
  inputs: Readonly<Record<string, SQLInputValue>>,
  maxRows: number,
  framed: FramedRows,
): boolean {
  const read = pageReader(database, pageSql, inputs);
  let pageRows = FIRST_ROWS;
  for (let key = FIRST_KEY; ;) {
    const left = maxRows - framed.sent;
    const startedAt = performance.now();
    const page = read(key, Math.max(1, Math.min(pageRows, left)));
    if (page === undefined || left === 0) return page !== undefined;
    framed.send(toUtf8(page.text), page.rows);
    if (page.lastKey === LAST_KEY) return false;
    key = page.lastKey + 1n;
    pageRows = nextPageRows(page, performance.now() - startedAt);
  }
}

function pageReader(
  database: DatabaseSync,
  pageSql: string,
  inputs: Readonly<Record<string, SQLInputValue>>,
): (key: bigint, rows: number) => Page | undefined {
  const statement = database.prepare(pageSql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const read = (key: bigint, rows: number): Page | undefined => {
    const [lastKey, count, text] = statement.get({
      ...inputs,
      sluice_key: key,
      sluice_rows: BigInt(rows),
    }) as unknown as [bigint | null, bigint, Uint8Array | string | null];
    return lastKey === null ? undefined : { lastKey, rows: Number(count), text: text! };
  };
  return (key, rows) => {
    database.limits.length = MAX_PAGE_BYTES;
    try {
      return read(key, rows);
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_TOOBIG) throw error;
    } finally {
      database.limits.length = MAX_VALUE_BYTES;
    }
    return read(key, 1);
  };
}

function nextPageRows({ rows, text }: Page, tookMs: number): number {
  const bySize = (rows * PAGE_BYTES) / Math.max(1, text.length);
  const byTime = (rows * PAGE_MS) / Math.max(0.1, tookMs);
  // Growing slowly: what follows may be larger.
  return Math.ceil(Math.max(1, Math.min(bySize, byTime, rows * 8, MAX_PAGE_ROWS)));
}

/** SQLite takes any bytes for text. What is no UTF-8 in them becomes U+FFFD. */
function toUtf8(text: Uint8Array | string): Uint8Array | string {
  return typeof text === "string" || isUtf8(text)
    ? text
    : Buffer.from(Buffer.from(text.buffer, text.byteOffset, text.length).toString());
}
