import { defaultSpool } from "../representation/spool/default-spool.ts";
import {
  noRunToGoOnWith,
  redirectTo,
  redirectToRun,
  runIdOf,
  wantsRestOfAny,
} from "../representation/spool/run-address.ts";
import type { SpooledBody } from "../representation/spool/spooled-body.ts";
import { openExport } from "./open-export.ts";
import type { RowQuery } from "./row-query.ts";
import type { ExportPlan, RowsInit } from "./rows-init.ts";
import { rowsProblem } from "./rows-problem.ts";
import { type RunDetails, runResponse, scopeOf } from "./run-response.ts";
import type { WantedRows } from "./wanted-rows.ts";

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
  { wanted, plan, init }: { wanted: WantedRows; plan: ExportPlan; init: RowsInit },
): Promise<Response | undefined> {
  const { share, locate, filename } = init;
  const spool = init.spool ?? (await defaultSpool());
  const id = locate ? undefined : runIdOf(request);
  if (id !== undefined) return runResponse(request, spool.get(id), init);
  const redirect = (body: SpooledBody): Response =>
    locate ? redirectTo(locate(body.record.id)) : redirectToRun(request, body);
  const { name, options, maxRows, strict, headers } = wanted;
  const scope = scopeOf(plan.caller);
  const key = share === undefined ? undefined : `${scope} ${JSON.stringify([share, name, options, maxRows, strict])}`;
  if (request.method === "HEAD") {
    const known = key === undefined ? undefined : spool.find(key);
    return known && redirect(known);
  }
  if (wantsRestOfAny(request) && (key === undefined || !spool.has(key))) return noRunToGoOnWith();
  const fields = Object.fromEntries([...headers].filter(([field]) => !LIVE_FIELDS.includes(field)));
  // It outlives the request that it was begun for.
  const { signal } = new AbortController();
  try {
    const body = await spool.share({ key, scope, headers: fields }, async () => {
      const { puller, details } = await openExport(query, wanted, plan, signal);
      return { puller, details: () => ({ ...details(), format: name, filename }) satisfies RunDetails };
    });
    return redirect(body);
  } catch (error) {
    return rowsProblem(error, plan.explain);
  }
}
