import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { once } from "node:events";
import { sendText } from "../readers/connection.ts";
import { type Pipe, pathOf } from "./pipe.ts";

/** How DuckDB writes Parquet. Row groups are kept small: each is in memory until it is whole. */
const ROW_GROUP_ROWS = 61_440;
/** Rows come in vectors of this many. */
const VECTOR_ROWS = 2_048;
/** What DuckDB allocates for each column of text, in bytes: its distinct values. */
const DICTIONARY_BYTES = 1024 * 1024;
/** With more columns than this, each has less of all that. */
const FULL_COLUMNS = 16;

/**
 * Has DuckDB copy a query's rows into a Parquet file, and sends that from a reader process while it is written. DuckDB's threads
 * write it into a pipe, and wait there until this process's parent has taken what is before.
 *
 * @param copy - runs a `COPY … TO path`, and gives the number of rows
 * @returns the number of rows, which are sent with the file's last piece
 */
export async function sendParquet({ readFd, writeFd }: Pipe, copy: (path: string) => Promise<number>): Promise<number> {
  const file = new Socket({ fd: readFd, readable: true, writable: false });
  const ended = once(file, "end");
  // One piece is always kept back. The first one is what every file begins with, written before the first row is read: as long
  // as that is all, a query that fails has given nothing. The last has the end, and goes when nothing can fail any more.
  let kept: Buffer | undefined;
  file.on("data", (piece: Buffer) => {
    if (kept) sendText([kept], 0);
    kept = piece;
  });
  let rows: number;
  try {
    rows = await copy(pathOf(writeFd));
  } catch (error) {
    ended.catch(() => {});
    file.destroy();
    throw error;
  } finally {
    closeSync(writeFd);
  }
  await ended;
  sendText([kept!], rows);
  return rows;
}

/** The options of `COPY`, for so many columns. */
export function parquetOptions(columns: number): string {
  const share = FULL_COLUMNS / Math.max(columns, FULL_COLUMNS);
  const rows = Math.max(VECTOR_ROWS, Math.floor((ROW_GROUP_ROWS * share) / VECTOR_ROWS) * VECTOR_ROWS);
  const dictionary = Math.floor(DICTIONARY_BYTES * share);
  return `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rows}, STRING_DICTIONARY_PAGE_SIZE_LIMIT ${dictionary}`;
}
