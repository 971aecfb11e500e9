import { answerSpooled } from "../representation/spool/answer-spooled.ts";
import { noSuchRun } from "../representation/spool/run-address.ts";
import type { SpooledBody } from "../representation/spool/spooled-body.ts";
import type { RowFormatName } from "./row-format.ts";
import { type ExportDetails, fieldsOf } from "./open-export.ts";
import { type RowsInit, resolveExportPlan } from "./rows-init.ts";

/** What is known of a run of rows, so far or at its end. */
export interface RunDetails extends ExportDetails {
  readonly format: RowFormatName;
  readonly filename: string | undefined;
}

export type RunInit = Pick<RowsInit, "caller" | "commitAfterMs" | "compress" | "stallTimeoutMs" | "onFinish">;

/** Whose runs a caller's are. */
export function scopeOf(caller: string | undefined): string {
  return `rows ${JSON.stringify(caller ?? null)}`;
}

export function detailsOf(body: SpooledBody): RunDetails {
  return body.details as unknown as RunDetails;
}

/**
 * Answers for a run that `rowsResponse` has begun, at an address of your own (`locate`): its bytes, or the parts of them that are
 * asked for. 404 where there is none, or it is another caller's.
 *
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export async function runResponse(
  request: Request,
  body: SpooledBody | undefined,
  init: RunInit = {},
): Promise<Response> {
  const { commitAfterMs, stallTimeoutMs, compress, caller } = resolveExportPlan(init);
  if (body?.record.scope !== scopeOf(caller)) return noSuchRun();
  return answerSpooled(request, body, {
    commitAfterMs,
    stallTimeoutMs,
    compress,
    fields: () => fieldsOf(detailsOf(body)),
    onFinish: (outcome) => {
      const { rows, truncated, heldMs, format } = detailsOf(body);
      return init.onFinish?.({ ...outcome, format, rows, truncated, heldMs });
    },
  });
}
