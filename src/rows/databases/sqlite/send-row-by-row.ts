import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { FramedRows } from "../../readers/framed-rows.ts";
import type { RowLayout } from "../../row-format.ts";

/** Text is sent when there is this much of it, in UTF-16 code units. */
const BATCH_UNITS = 64 * 1024;
/** A row that took this long is sent with those before it: the next may take as long, in ms. */
const SLOW_ROW_MS = 2;

/**
 * Reads rows one after the other, each as one text: for queries that have no key.
 *
 * @returns whether there are more rows than `maxRows`
 */
export function sendRowByRow(
  database: DatabaseSync,
  rowSql: string,
  inputs: Readonly<Record<string, SQLInputValue>>,
  maxRows: number,
  layout: RowLayout,
  framed: FramedRows,
): boolean {
  const statement = database.prepare(maxRows === Infinity ? rowSql : `${rowSql} LIMIT ${maxRows + 1}`);
  statement.setReturnArrays(true);
  const between = layout.rowEnd + layout.between;
  let text = "";
  let rows = 0;
  const flush = (): void => {
    if (rows > 0) framed.send(text, rows);
    text = "";
    rows = 0;
  };
  let wantedAt = performance.now();
  for (const [row] of statement.iterate(inputs) as Iterable<unknown> as Iterable<[string]>) {
    if (framed.sent + rows === maxRows) {
      flush();
      return true;
    }
    text = rows === 0 ? row : `${text}${between}${row}`;
    rows++;
    const now = performance.now();
    if (text.length >= BATCH_UNITS || now - wantedAt >= SLOW_ROW_MS) {
      flush();
      wantedAt = performance.now();
    } else wantedAt = now;
  }
  flush();
  return false;
}
