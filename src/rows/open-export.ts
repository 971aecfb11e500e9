import type { Puller } from "../core/puller.ts";
import { HttpError } from "../errors.ts";
import { ExportRows } from "./export-rows.ts";
import type { RowQuery } from "./row-query.ts";
import type { ExportPlan } from "./rows-init.ts";
import { toHttpError } from "./rows-problem.ts";
import type { WantedRows } from "./wanted-rows.ts";

/** What is known of an export, so far or at its end. */
export interface ExportDetails {
  readonly rows: number;
  /** `maxRows` has cut it. */
  readonly truncated: boolean;
  /** How long the database was held, in ms. */
  readonly heldMs: number;
}

export const NO_DETAILS: ExportDetails = { rows: 0, truncated: false, heldMs: 0 };

/** A query that has been described, and runs when it is pulled. */
export interface OpenExport {
  readonly puller: Puller;
  readonly details: () => ExportDetails;
}

/** What a trailer says of an export. */
export function fieldsOf({ rows, truncated }: ExportDetails): Record<string, string> {
  return { "X-Rows": String(rows), "X-Status": truncated ? "truncated" : "complete" };
}

/** @throws what the database does; HttpError 400 for rows that the format has no form for */
export async function openExport(
  query: RowQuery,
  { name, options, maxRows, isCapped, strict }: WantedRows,
  { caller, explain, firstRowTimeoutMs, maxSnapshotAgeMs }: ExportPlan,
  signal: AbortSignal,
): Promise<OpenExport> {
  const rows = await query.open({ format: { name, options }, maxRows, caller }, signal);
  if (strict && name === "csv" && options.null === "" && rows.columns.length === 1) {
    rows.cancel(undefined);
    throw new HttpError(400, "With one column, CSV has no form for NULL but one that is chosen: null=\\N, for example");
  }
  const puller = new ExportRows(rows, {
    firstRowTimeoutMs,
    maxSnapshotAgeMs,
    strict: strict && isCapped,
    toHttpError: (error) => toHttpError(error, explain),
  });
  return {
    puller,
    details: () => ({ rows: rows.rows, truncated: rows.truncated && isCapped, heldMs: puller.heldMs }),
  };
}
