import { Body, type Outcome } from "../core/body.ts";
import { describe } from "../core/describe.ts";
import { bodyStream } from "../core/web-stream.ts";
import { HttpError, SluiceTypeError } from "../errors.ts";
import { varyWith } from "../http/headers.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import {
  type ResponseOptions,
  announcedLength,
  assertMs,
  optionError,
  resolveHeaders,
  resolveResponseOptions,
} from "../http/response-options.ts";
import { type ChosenFormat, chooseFormat } from "./choose-format.ts";
import { ExportRows } from "./export-rows.ts";
import { type RequestedRows, parseRequestedRows } from "./request-options.ts";
import type { ResolvedRowFormatOptions, RowFormatName, RowFormatOptions } from "./row-format.ts";
import { ROW_FORMATS, ROW_FORMAT_NAMES, resolveRowFormatOptions } from "./row-formats.ts";
import { type RowQuery, type RowStream, isRowQuery } from "./row-query.ts";
import { rowsProblem, toHttpError } from "./rows-problem.ts";

export interface RowsInit extends Omit<ResponseOptions, "leakReportMs" | "onFinish"> {
  /**
   * How the rows are written. Without it the request says so: by the extension of its path, by `?format=`, or by `Accept`;
   * and by its query string in which way (`profile`, `eol`, `header`, `null`, `sep`, `bytes`, `bigint`, `nonfinite`, `tz`), how
   * many at most (`limit`), and whether it would rather fail than get fewer (`strict`).
   */
  format?: RowFormatName;
  /**
   * What a request may choose from, best first.
   * @defaultValue all
   */
  formats?: readonly RowFormatName[];
  /** In which way they are written; what a request says of it counts for nothing then. */
  options?: RowFormatOptions;
  /** The most rows that the reader wants. */
  limit?: number;
  /**
   * The most rows that it is given: a query that has more is cut, and says `X-Status: truncated` in its trailer.
   * @defaultValue Infinity
   */
  maxRows?: number;
  /**
   * Breaks the body off, where `maxRows` has cut it.
   * @defaultValue false
   */
  strict?: boolean;
  /** On whose behalf the query runs: a database limits how many of one caller run at a time. */
  caller?: string;
  /**
   * Whether the client wrote the statement: it is told what is wrong with it, in the database's words.
   * @defaultValue false
   */
  explain?: boolean;
  /** The name that a browser saves the rows under; the format's extension is put behind it where it has none. */
  filename?: string;
  /**
   * How long the head waits for the first rows, in ms: until then a query that fails is answered with an error's status.
   * @defaultValue 10_000
   */
  commitAfterMs?: number;
  /**
   * How long the query may take to its first row, in ms.
   * @defaultValue 300_000
   */
  firstRowTimeoutMs?: number;
  /**
   * How long the query may be open, in ms, however slow its reader: a database keeps what has been deleted meanwhile.
   * @defaultValue 3_600_000
   */
  maxSnapshotAgeMs?: number;
  /** Told once how the response ended. Awaited; what it throws is reported, and changes nothing. */
  onFinish?: (outcome: RowsOutcome) => void | Promise<void>;
}

/** How an export ended. */
export interface RowsOutcome extends Outcome {
  readonly format: RowFormatName;
  /** Rows that were read: those that the reader got, and what was on its way. */
  readonly rows: number;
  /** `maxRows` has cut it. */
  readonly truncated: boolean;
  /** How long the database was held, in ms. */
  readonly heldMs: number;
}

/**
 * The rows of a query, made text while they are sent. They are read as the reader makes room for them, and the query is
 * stopped within a second of its reader leaving.
 *
 * - The query is described first: one that cannot be run is answered with 400, one that may not be with 403, a database that is
 *   busy with 503 and `Retry-After`, one that cannot be read with 500. So is one that fails before its first row; after it the
 *   connection breaks visibly.
 * - The trailer has `X-Rows`, `X-Status` (`complete` or `truncated`) and `Repr-Digest`, where the connection has trailers.
 * - HEAD does not run or describe the query.
 * - Rows have no positions: there are no ranges, and a reader who comes back starts anew.
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
  const plan = resolvePlan(init);
  let wanted: Wanted;
  try {
    wanted = resolveWanted(request, init);
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error);
    throw error;
  }
  const { name, options, headers } = wanted;
  const { status, stallTimeoutMs } = plan;
  const isCut = ({ truncated }: RowStream): boolean => truncated && wanted.isCapped;
  const finish = (outcome: Outcome, rows: RowStream, heldMs: number): void | Promise<void> =>
    init.onFinish?.({ ...outcome, format: name, rows: rows.rows, truncated: isCut(rows), heldMs });
  if (request.method === "HEAD") {
    new Body({ open: () => NO_ROWS, stallTimeoutMs, onFinish: (outcome) => finish(outcome, NO_ROWS, 0) }).discard();
    return new Response(null, { status, headers });
  }
  const explain = init.explain ?? false;
  let rows: RowStream;
  try {
    const format = { name, options };
    rows = await query.open({ format, maxRows: wanted.maxRows, caller: init.caller }, request.signal);
  } catch (error) {
    // Nobody is there to read the answer.
    return request.signal.aborted ? problemResponse(503) : rowsProblem(error, explain);
  }
  if (wanted.strict && name === "csv" && options.null === "" && rows.columns.length === 1) {
    rows.cancel(undefined);
    return problemResponse(
      400,
      "With one column, CSV has no form for NULL but one that is chosen: null=\\N, for example",
    );
  }
  const exported = new ExportRows(rows, {
    firstRowTimeoutMs: plan.firstRowTimeoutMs,
    maxSnapshotAgeMs: plan.maxSnapshotAgeMs,
    strict: wanted.strict && wanted.isCapped,
    toHttpError: (error) => toHttpError(error, explain),
  });
  const stream = bodyStream({
    open: () => exported,
    discard: () => exported.cancel(new DOMException("The response was discarded", "AbortError")),
    contentLength: undefined,
    commitAfterMs: plan.commitAfterMs,
    stallTimeoutMs,
    // Parquet is compressed already.
    compress: plan.compress ?? name !== "parquet",
    trailers: () => ({ "X-Rows": String(rows.rows), "X-Status": isCut(rows) ? "truncated" : "complete" }),
    digest: true,
    onFinish: (outcome) => finish(outcome, rows, exported.heldMs),
  });
  return new Response(stream, { status, headers });
}

const NO_ROWS: RowStream = { columns: [], rows: 0, truncated: false, pull: () => undefined, cancel() {} };

function resolvePlan(init: RowsInit) {
  const { firstRowTimeoutMs = 300_000, maxSnapshotAgeMs = 3_600_000 } = init;
  assertMs("firstRowTimeoutMs", firstRowTimeoutMs);
  assertMs("maxSnapshotAgeMs", maxSnapshotAgeMs);
  const { onFinish: _, ...options } = init;
  return { ...resolveResponseOptions({ commitAfterMs: 10_000, ...options }), firstRowTimeoutMs, maxSnapshotAgeMs };
}

interface Wanted {
  readonly name: RowFormatName;
  readonly options: ResolvedRowFormatOptions;
  readonly maxRows: number;
  /** `maxRows` is less than what the reader asked for. */
  readonly isCapped: boolean;
  readonly strict: boolean;
  readonly headers: Headers;
}

/** What is to be sent, by who wrote the handler, and else by the request. @throws HttpError for what the request has wrong */
function resolveWanted(request: Request, init: RowsInit): Wanted {
  const { formats = ROW_FORMAT_NAMES, maxRows: cap = Infinity } = init;
  for (const name of init.format === undefined ? formats : [init.format]) {
    if (!Object.hasOwn(ROW_FORMATS, name)) throw optionError("format", `one of ${ROW_FORMAT_NAMES.join(", ")}`, name);
  }
  assertRows("maxRows", cap);
  assertRows("limit", init.limit ?? 0);
  const chosen: ChosenFormat =
    init.format === undefined ? chooseFormat(request, formats) : { name: init.format, byAccept: false };
  const asked: Partial<RequestedRows> =
    init.format === undefined ? parseRequestedRows(new URL(request.url).searchParams) : {};
  const options = resolveRowFormatOptions(init.options ?? asked.options);
  const limit = init.limit ?? asked.limit ?? Infinity;
  return {
    name: chosen.name,
    options,
    maxRows: Math.min(limit, cap),
    isCapped: cap < limit,
    strict: init.strict ?? asked.strict ?? false,
    headers: headersFor(chosen, options, init),
  };
}

function headersFor({ name, byAccept }: ChosenFormat, options: ResolvedRowFormatOptions, init: RowsInit): Headers {
  const { mediaType, extensions } = ROW_FORMATS[name];
  const { filename, ...given } = init as Pick<RowsInit, "filename" | "headers">;
  const extension = `.${extensions[0]}`;
  const named = filename === undefined || filename.endsWith(extension) ? filename : `${filename}${extension}`;
  const headers = resolveHeaders(named === undefined ? given : { ...given, filename: named }, {
    "Content-Type": options.header ? mediaType : mediaType.replace("header=present", "header=absent"),
    "Accept-Ranges": "none",
    // Nobody recodes it on its way: its digest stays true.
    "Cache-Control": "no-transform",
    Trailer: "X-Rows, X-Status",
    "X-Content-Type-Options": "nosniff",
    // nginx would store what it cannot pass on yet, and so take the rows of a query that nobody reads.
    "X-Accel-Buffering": "no",
    ...(name === "csv" ? { "X-Csv-Profile": options.profile } : {}),
  });
  if (byAccept) headers.set("Vary", varyWith(headers.get("Vary") ?? undefined, "Accept"));
  const length = announcedLength(headers);
  if (length !== undefined)
    throw optionError("headers", "without Content-Length: nobody knows it before the end", length);
  return headers;
}

function assertRows(name: string, value: number): void {
  if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 0)) {
    throw optionError(name, "a number of rows, an integer ≥ 0", value);
  }
}
