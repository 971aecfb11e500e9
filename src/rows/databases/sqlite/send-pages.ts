import { isUtf8 } from "node:buffer";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { FramedRows } from "../../readers/framed-rows.ts";
import type { PagePlan } from "./query-plan.ts";
import { INFINITY_MARK } from "./row-sql.ts";
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
/** Pages with what the fast way cannot write, after which it is not tried again. */
const MAX_FALLBACKS = 3;
const SQLITE_ERROR = 1;
const SQLITE_TOOBIG = 18;
/** After so many pages what they were is given back: to V8 they are too small to be worth it. */
const COLLECT_PAGES = 16;
const FIRST_KEY = -(2n ** 63n);
const LAST_KEY = 2n ** 63n - 1n;

const { gc: collect } = globalThis as { gc?: (options: { type: "minor" }) => void };

type Inputs = Readonly<Record<string, SQLInputValue>>;

interface Page {
  readonly lastKey: bigint;
  readonly rows: number;
  readonly text: Uint8Array;
}

type ReadPage = (key: bigint, rows: number) => Page | undefined;

/**
 * Reads many rows with one step of SQLite, as one value: nothing is done here for each.
 *
 * @returns whether there are more rows than `maxRows`
 */
export function sendPages(
  database: DatabaseSync,
  plan: PagePlan,
  inputs: Inputs,
  maxRows: number,
  framed: FramedRows,
): boolean {
  const read = pageReader(database, plan, inputs);
  let pageRows = FIRST_ROWS;
  let pages = 0;
  for (let key = FIRST_KEY; ;) {
    if (++pages % COLLECT_PAGES === 0) collect?.({ type: "minor" });
    const left = maxRows - framed.sent;
    const startedAt = performance.now();
    const page = read(key, Math.max(1, Math.min(pageRows, left)));
    if (page === undefined || left === 0) return page !== undefined;
    framed.send(page.text, page.rows);
    if (page.lastKey === LAST_KEY) return false;
    key = page.lastKey + 1n;
    pageRows = nextPageRows(page, performance.now() - startedAt);
  }
}

/** Reads pages in the fast way while that can write what is in them. */
function pageReader(database: DatabaseSync, { pageSql, json }: PagePlan, inputs: Inputs): ReadPage {
  const prepare = (sql: string): ReadPage => reader(database, sql, inputs);
  const readAny = prepare(pageSql);
  if (!json) return (key, rows) => withText(readAny(key, rows), (text) => text);
  const readJson = prepare(json.pageSql);
  let fallbacks = 0;
  return (key, rows) => {
    if (fallbacks < MAX_FALLBACKS) {
      try {
        const page = readJson(key, rows);
        if (!page || !Buffer.from(page.text.buffer, page.text.byteOffset, page.text.length).includes(INFINITY_MARK)) {
          return withText(page, json.toText);
        }
      } catch (error) {
        // It says so of bytes, in words alone.
        if ((error as { errcode?: number }).errcode !== SQLITE_ERROR || !/BLOB/u.test((error as Error).message))
          throw error;
      }
      fallbacks++;
    }
    return withText(readAny(key, rows), (text) => text);
  };
}

function reader(database: DatabaseSync, sql: string, inputs: Inputs): ReadPage {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return (key, rows) => {
    database.limits.length = MAX_PAGE_BYTES;
    try {
      return readPage(statement, inputs, key, rows);
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_TOOBIG) throw error;
    } finally {
      database.limits.length = MAX_VALUE_BYTES;
    }
    return readPage(statement, inputs, key, 1);
  };
}

function readPage(statement: StatementSync, inputs: Inputs, key: bigint, rows: number): Page | undefined {
  const [lastKey, count, text] = statement.get({
    ...inputs,
    sluice_key: key,
    sluice_rows: BigInt(rows),
  }) as unknown as [bigint | null, bigint, Uint8Array | string | null];
  return lastKey === null ? undefined : { lastKey, rows: Number(count), text: toUtf8(text!) };
}

function withText(page: Page | undefined, toText: (text: Uint8Array) => Uint8Array): Page | undefined {
  return page && { ...page, text: toText(page.text) };
}

function nextPageRows({ rows, text }: Page, tookMs: number): number {
  const bySize = (rows * PAGE_BYTES) / Math.max(1, text.length);
  const byTime = (rows * PAGE_MS) / Math.max(0.1, tookMs);
  // Growing slowly: what follows may be larger.
  return Math.ceil(Math.max(1, Math.min(bySize, byTime, rows * 8, MAX_PAGE_ROWS)));
}

/** Text comes as bytes where the database is in UTF-8. SQLite takes any bytes for text: what is no UTF-8 becomes U+FFFD. */
function toUtf8(text: Uint8Array | string): Uint8Array {
  if (typeof text === "string") return Buffer.from(text);
  return isUtf8(text) ? text : Buffer.from(Buffer.from(text.buffer, text.byteOffset, text.length).toString());
}
