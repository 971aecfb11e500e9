import { Body, type Outcome } from "../core/body.ts";
import { describe } from "../core/describe.ts";
import { bodyStream } from "../core/web-stream.ts";
import { HttpError, SluiceTypeError } from "../errors.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import { answerRun } from "./answer-run.ts";
import { type ExportDetails, NO_DETAILS, type OpenExport, fieldsOf, openExport } from "./open-export.ts";
import { type RowsInit, resolveExportPlan } from "./rows-init.ts";
import { rowsProblem } from "./rows-problem.ts";
import { type RowQuery, isRowQuery } from "./row-query.ts";
import { type WantedRows, resolveWanted } from "./wanted-rows.ts";

/**
 * The rows of a query, made text while they are sent. They are read as the reader makes room for them, and the query is
 * stopped within a second of its reader leaving.
 *
 * - The query is described first: one that cannot be run is answered with 400, one that may not be with 403, a database that is
 *   busy with 503 and `Retry-After`, one that cannot be read with 500. So is one that fails before its first row; after it the
 *   connection breaks visibly.
 * - The trailer has `X-Rows`, `X-Status` (`complete` or `truncated`) and `Repr-Digest`, where the connection has trailers.
 * - HEAD does not run or describe the query.
 * - Rows have no positions: there are no ranges, and a reader who comes back starts anew. With `resumable` they have.
 *
 * @returns only rejects with SluiceTypeError `ERR_INVALID_OPTION`, `ERR_SOURCE_TYPE`
 */
export async function rowsResponse(request: Request, query: RowQuery, init: RowsInit = {}): Promise<Response> {
  if (!isRowQuery(query)) {
    throw new SluiceTypeError(
      "ERR_SOURCE_TYPE",
      `A query is what a database's query() returns; got ${describe(query)}`,
    );
  }
  const plan = resolveExportPlan(init);
  let wanted: WantedRows;
  try {
    wanted = resolveWanted(request, init);
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error);
    throw error;
  }
  const { name, headers } = wanted;
  const { status, stallTimeoutMs, explain } = plan;
  const finish = (outcome: Outcome, { rows, truncated, heldMs }: ExportDetails): void | Promise<void> =>
    init.onFinish?.({ ...outcome, format: name, rows, truncated, heldMs });
  if (init.resumable) {
    const answer = await answerRun(request, query, { wanted, plan, init });
    if (answer) return answer;
  }
  if (request.method === "HEAD") {
    new Body({
      open: () => ({ pull: () => undefined, cancel() {} }),
      stallTimeoutMs,
      onFinish: (outcome) => finish(outcome, NO_DETAILS),
    }).discard();
    return new Response(null, { status, headers });
  }
  let opened: OpenExport;
  try {
    opened = await openExport(query, wanted, plan, request.signal);
  } catch (error) {
    // Nobody is there to read the answer.
    return request.signal.aborted ? problemResponse(503) : rowsProblem(error, explain);
  }
  const { puller, details } = opened;
  const stream = bodyStream({
    open: () => puller,
    discard: () => puller.cancel(new DOMException("The response was discarded", "AbortError")),
    contentLength: undefined,
    commitAfterMs: plan.commitAfterMs,
    stallTimeoutMs,
    // Parquet is compressed already.
    compress: plan.compress ?? name !== "parquet",
    trailers: () => fieldsOf(details()),
    digest: true,
    onFinish: (outcome) => finish(outcome, details()),
  });
  return new Response(stream, { status, headers });
}
