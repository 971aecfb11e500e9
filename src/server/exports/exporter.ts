import {
  type RowFormatName,
  type RowQuery,
  type RowsInit,
  type RowsOutcome,
  type Spool,
  rowsResponse,
} from "../../index.ts";
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
  /** Which database it is, among all that runs are kept of. */
  readonly source: string;
  /** Where runs are kept. */
  readonly spool: Spool;
  /** Whether all exports are runs, where a request or a query does not say otherwise. */
  readonly resumable?: boolean | undefined;
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
  /** What is exported, for all who ask for the same: the query with its parameters. */
  readonly share: string;
  /** Whether it is a run, where the request does not say. */
  readonly resumable?: boolean | undefined;
  /** The client wrote the statement. */
  readonly explain?: boolean | undefined;
}

/** Where runs are. */
export const RUNS = "/exports";

/** Where a run's bytes are. */
export function runTarget(id: string): string {
  return `${RUNS}/${id}/data`;
}

/** Sends rows, within what the server allows, and tells of it. */
export class Exporter {
  readonly #options: ExporterOptions;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** @throws HttpError 400, 406 for how the rows are asked for */
  async send(request: Request, wanted: Wanted, { searchParams }: URL = new URL(request.url)): Promise<Response> {
    const { maxRows = Infinity, clocks, source, spool, onExport, onRefused } = this.#options;
    const { formats = ROW_FORMAT_NAMES } = wanted;
    const format = chooseFormat(askedAs(request, wanted.format, searchParams), formats);
    const {
      options,
      limit,
      strict,
      resumable = wanted.resumable ?? this.#options.resumable,
    } = parseRequestedRows(searchParams);
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
      // A Parquet file's reader begins at its end.
      resumable: resumable === true || format.name === "parquet",
      share: JSON.stringify([source, wanted.share]),
      spool,
      locate: runTarget,
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
