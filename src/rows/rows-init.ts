import type { Outcome } from "../core/body.ts";
import {
  type ResolvedResponseOptions,
  type ResponseOptions,
  assertMs,
  optionError,
  resolveResponseOptions,
} from "../http/response-options.ts";
import type { Spool } from "../representation/spool/spool.ts";
import type { RowFormatName, RowFormatOptions } from "./row-format.ts";

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
  /**
   * Makes the rows a run: the query runs at full speed into the spool, and the database is free as soon as it has ended, however
   * slow the reader. The answer is 303 to the run's own address (`?run=…`), where it is answered as a file is: with ranges, a
   * strong entity tag and, once it is finished, a length and `Repr-Digest`.
   * @defaultValue false
   */
  resumable?: boolean;
  /**
   * Of a run: what it is, and for whom. Requests with the same one, for the same format, get the same run, until the spool's
   * time to live is over.
   * @defaultValue none: each request makes its own
   */
  share?: string;
  /**
   * Where runs are kept.
   * @defaultValue a temporary folder of this process
   */
  spool?: Spool;
  /**
   * Where a run is served, by its id: there {@link runResponse} answers for it.
   * @defaultValue the request's own address with `?run=`
   */
  locate?: (id: string) => string;
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

/** How an export is run and sent. */
export interface ExportPlan extends ResolvedResponseOptions {
  readonly firstRowTimeoutMs: number;
  readonly maxSnapshotAgeMs: number;
  /** The client is told what is wrong with its statement. */
  readonly explain: boolean;
  readonly caller: string | undefined;
}

/** @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveExportPlan(init: RowsInit): ExportPlan {
  const { firstRowTimeoutMs = 300_000, maxSnapshotAgeMs = 3_600_000, explain = false, caller, share } = init;
  assertMs("firstRowTimeoutMs", firstRowTimeoutMs);
  assertMs("maxSnapshotAgeMs", maxSnapshotAgeMs);
  if (share !== undefined && typeof share !== "string")
    throw optionError("share", "a text that says what is run", share);
  const { onFinish: _, ...options } = init;
  const resolved = resolveResponseOptions({ commitAfterMs: 10_000, ...options });
  return { ...resolved, firstRowTimeoutMs, maxSnapshotAgeMs, explain, caller };
}
