import type { DuckDBResult } from "@duckdb/node-api";
import type { FramedRows } from "../../readers/framed-rows.ts";
import { takeTexts } from "./chunk-texts.ts";

/** Text is sent when there is this much of it, in bytes. */
const BATCH_BYTES = 256 * 1024;

/**
 * Sends rows, each of which is one text.
 *
 * @param betweenBytes - how long what stands between two rows is, which each row ends with
 * @returns whether there are more rows than `maxRows`
 */
export async function sendRows(
  result: DuckDBResult,
  betweenBytes: number,
  maxRows: number,
  framed: FramedRows,
): Promise<boolean> {
  const batch = Buffer.allocUnsafe(BATCH_BYTES);
  let filled = 0;
  let rows = 0;
  let isTruncated = false;
  const flush = (): void => {
    if (rows > 0) framed.send(batch.subarray(0, filled - betweenBytes), rows);
    filled = 0;
    rows = 0;
  };
  const take = (text: Uint8Array): void => {
    if (framed.sent + rows === maxRows) {
      isTruncated = true;
      return;
    }
    if (filled + text.length > BATCH_BYTES) flush();
    if (text.length > BATCH_BYTES) return framed.send(text.subarray(0, text.length - betweenBytes), 1);
    batch.set(text, filled);
    filled += text.length;
    rows++;
  };
  // Each chunk is sent as it comes: the next may take long.
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    takeTexts(chunk, take);
    flush();
  }
  return isTruncated;
}
