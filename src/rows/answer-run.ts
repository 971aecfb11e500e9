import type { Outcome } from "../core/body.ts";
import { answerSpooled } from "../representation/spool/answer-spooled.ts";
import { defaultSpool } from "../representation/spool/default-spool.ts";
import { noSuchRun, redirectToRun, runIdOf } from "../representation/spool/run-address.ts";
import type { Spool } from "../representation/spool/spool.ts";
import type { SpooledBody } from "../representation/spool/spooled-body.ts";
import { type ExportDetails, fieldsOf, openExport } from "./open-export.ts";
import type { RowQuery } from "./row-query.ts";
import type { ExportPlan } from "./rows-init.ts";
import { rowsProblem } from "./rows-problem.ts";
import type { WantedRows } from "./wanted-rows.ts";

export interface RunOptions {
  readonly wanted: WantedRows;
  readonly plan: ExportPlan;
  readonly share: string | undefined;
  readonly spool: Spool | undefined;
  readonly onFinish: (outcome: Outcome, details: ExportDetails) => void | Promise<void>;
}

/** Fields that a live export has, and a run has of its own, or not at all. */
const LIVE_FIELDS = ["accept-ranges", "cache-control", "trailer", "x-accel-buffering"];

/**
 * Sends the reader of an export to its run, which is begun where there is none; and answers for the run, where it is that that is
 * asked for.
 *
 * @returns undefined for a HEAD that no run is there for
 */
export async function answerRun(
  request: Request,
  query: RowQuery,
  { wanted, plan, share, spool: given, onFinish }: RunOptions,
): Promise<Response | undefined> {
  const spool = given ?? (await defaultSpool());
  const scope = `rows ${JSON.stringify(plan.caller ?? null)}`;
  const id = runIdOf(request);
  if (id !== undefined) {
    const body = spool.get(id, scope);
    return body ? answerBody(request, body, plan, onFinish) : noSuchRun();
  }
  const { name, options, maxRows, strict, headers } = wanted;
  const key = share === undefined ? undefined : `${scope} ${JSON.stringify([share, name, options, maxRows, strict])}`;
  if (request.method === "HEAD") {
    const known = key === undefined ? undefined : spool.find(key);
    return known && redirectToRun(request, known);
  }
  const fields = Object.fromEntries([...headers].filter(([field]) => !LIVE_FIELDS.includes(field)));
  // It outlives the request that it was begun for.
  const { signal } = new AbortController();
  try {
    const body = await spool.share({ key, scope, headers: fields }, async () => {
      const { puller, details } = await openExport(query, wanted, plan, signal);
      return { puller, details: () => ({ ...details() }) };
    });
    return redirectToRun(request, body);
  } catch (error) {
    return rowsProblem(error, plan.explain);
  }
}

function answerBody(
  request: Request,
  body: SpooledBody,
  { commitAfterMs, stallTimeoutMs }: ExportPlan,
  onFinish: RunOptions["onFinish"],
): Promise<Response> {
  const detailsOf = (): ExportDetails => body.details as unknown as ExportDetails;
  return answerSpooled(request, body, {
    commitAfterMs,
    stallTimeoutMs,
    fields: () => fieldsOf(detailsOf()),
    onFinish: (outcome) => onFinish(outcome, detailsOf()),
  });
}
