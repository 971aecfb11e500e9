import type { Parameters } from "../../rows/parameters.ts";

/** What stands for a statement with these parameters: the same text for the same. */
export function shareOf(sql: string, parameters: Parameters): string {
  const values = Object.entries(parameters)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    // Neither a bigint nor bytes have a form in JSON.
    .map(([name, value]) => [
      name,
      typeof value,
      ArrayBuffer.isView(value) ? Buffer.from(value).toString("base64") : String(value),
    ]);
  return JSON.stringify({ sql, values });
}
