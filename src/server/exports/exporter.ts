import { type RowFormatName, type RowQuery, type RowsInit, type RowsOutcome, rowsResponse } from "../../index.ts";
import { chooseFormat } from "../../rows/choose-format.ts";
import { parseRequestedRows } from "../../rows/request-options.ts";
import { ROW_FORMAT_NAMES } from "../../rows/row-formats.ts";
import { callerOf } from "../node-request.ts";

/** How long exports may take; the defaults are {@link RowsInit}'s. */
export type ExportClocks = Pick<RowsInit, "firstRowTimeoutMs" | "maxSnapshotAgeMs" | "stallTimeoutMs">;

export interface ExporterOptions {
  /** The most rows of any export. */
  readonly maxRows?: number | undefined;
  readonly clocks?: ExportClocks | undefined;
  /** Told of each export that has ended, HEAD included. */
  readonly onExport?: ((request: Request, outcome: RowsOutcome) => void) | undefined;
  /** Told of each export that was answered with an error instead. */
  readonly onRefused?: ((request: Request, format: RowFormatName, status: number) => void) | undefined;
}

/** What is exported, and as what. */
export interface Wanted {
  readonly query: RowQuery;
  /** Without an extension. */
  readonly filename: string;
  /** Undefined where `?format=` and `Accept` say it. */
  readonly format: RowFormatName | undefined;
  readonly formats?: readonly RowFormatName[] | undefined;
  readonly maxRows?: number | undefined;
  /** The client wrote the statement. */
  readonly explain?: boolean | undefined;
}

/** Sends rows, within what the server allows, and tells of it. */
export class Exporter {
  readonly #options: ExporterOptions;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** @throws HttpError 400, 406 for how the rows are asked for */
  async send(request: Request, wanted: Wanted): Promise<Response> {
    const { maxRows = Infinity, clocks, onExport, onRefused } = this.#options;
    const { searchParams } = new URL(request.url);
    const { formats = ROW_FORMAT_NAMES } = wanted;
    const format = chooseFormat(askedAs(request, wanted.format, searchParams), formats);
    const { options, limit, strict } = parseRequestedRows(searchParams);
    const caller = callerOf(request);
    const response = await rowsResponse(request, wanted.query, {
      ...clocks,
      format: format.name,
      options,
      ...(limit === undefined ? {} : { limit }),
      strict,
      maxRows: Math.min(maxRows, wanted.maxRows ?? Infinity),
      ...(caller === undefined ? {} : { caller }),
      filename: wanted.filename,
      explain: wanted.explain ?? false,
      headers: format.byAccept ? { Vary: "Accept" } : {},
      onFinish: (outcome) => onExport?.(request, outcome),
    });
    if (response.status >= 400) onRefused?.(request, format.name, response.status);
    return response;
  }
}

/** The format was read off the path already, or is not to be: a name may look like one with an extension. */
function askedAs(request: Request, format: RowFormatName | undefined, query: URLSearchParams): Request {
  const url = new URL(format === undefined ? "http://export/rows" : `http://export/rows.${format}`);
  const asked = query.get("format");
  if (asked !== null) url.searchParams.set("format", asked);
  return new Request(url, { headers: { Accept: request.headers.get("Accept") ?? "" } });
}
