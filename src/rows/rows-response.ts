import { Body } from "../core/body.ts";
import { report } from "../core/report.ts";
import { describe } from "../core/describe.ts";
import { bodyStream } from "../core/web-stream.ts";
import { HttpError, SluiceError, SluiceTypeError } from "../errors.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import {
  type ResponseOptions,
  announcedLength,
  optionError,
  resolveHeaders,
  resolveResponseOptions,
} from "../http/response-options.ts";
import { ROW_FORMATS, type RowFormatName } from "./row-formats.ts";
import { type RowQuery, type RowStream, isRowQuery } from "./row-query.ts";

export interface RowsInit extends Omit<ResponseOptions, "leakReportMs"> {
  /** @defaultValue "csv" */
  format?: RowFormatName;
  /**
   * How long the head waits for the first rows, in ms: until then a query that fails is answered with an error's status.
   * @defaultValue 10_000
   */
  commitAfterMs?: number;
}

/**
 * The rows of a query, made text while they are sent. They are read as the reader makes room for them, and the query is
 * stopped within a second of its reader leaving.
 *
 * - The query is described first: one that cannot be run is answered with 500, and reported with the database's words,
 *   which the client is not told. A database that is busy: 503.
 * - One that fails before its first rows is answered with 500; after them the connection breaks visibly.
 * - HEAD does not run or describe it.
 * - Rows have no positions: there are no ranges, and a reader who comes back starts anew.
 *
 * @returns only rejects with SluiceTypeError `ERR_INVALID_OPTION`, `ERR_SOURCE_TYPE`
 */
export async function rowsResponse(request: Request, query: RowQuery, init: RowsInit = {}): Promise<Response> {
  const { format = "csv" } = init;
  const options = resolveResponseOptions({ commitAfterMs: 10_000, ...init });
  const { status, commitAfterMs, stallTimeoutMs, compress, onFinish } = options;
  if (!Object.hasOwn(ROW_FORMATS, format))
    throw optionError("format", `one of ${Object.keys(ROW_FORMATS).join(", ")}`, format);
  if (!isRowQuery(query)) {
    throw new SluiceTypeError(
      "ERR_SOURCE_TYPE",
      `A query is what a database's query() returns; got ${describe(query)}`,
    );
  }
  const headers = resolveHeaders(init, {
    "Content-Type": ROW_FORMATS[format].mediaType,
    "Accept-Ranges": "none",
    "X-Content-Type-Options": "nosniff",
    // nginx would store what it cannot pass on yet, and so take the rows of a query that nobody reads.
    "X-Accel-Buffering": "no",
  });
  const contentLength = announcedLength(headers);
  if (request.method === "HEAD") {
    new Body({ open: () => NO_ROWS, stallTimeoutMs, onFinish }).discard();
    return new Response(null, { status, headers });
  }
  let rows: RowStream;
  try {
    rows = await query.open(format, request.signal);
  } catch (error) {
    // Nobody is there to read the answer.
    return request.signal.aborted ? problemResponse(503) : failedResponse(error);
  }
  const stream = bodyStream({
    open: () => rows,
    discard: () => rows.cancel(new DOMException("The response was discarded", "AbortError")),
    contentLength,
    commitAfterMs,
    stallTimeoutMs,
    compress,
    onFinish,
  });
  return new Response(stream, { status, headers });
}

const NO_ROWS: RowStream = { columns: [], pull: () => undefined, cancel() {} };

function failedResponse(error: unknown): Response {
  if (error instanceof HttpError) return errorResponse(error);
  const isQuery = error instanceof SluiceError && error.code === "ERR_QUERY";
  report({ code: "SOURCE_FAILED", message: `A query could not be ${isQuery ? "described" : "begun"}`, error });
  return problemResponse(500, isQuery ? "The query is not one that can be run" : "The database cannot be read");
}
