import { varyWith } from "../http/headers.ts";
import { announcedLength, optionError, resolveHeaders } from "../http/response-options.ts";
import { type ChosenFormat, chooseFormat } from "./choose-format.ts";
import { type RequestedRows, parseRequestedRows } from "./request-options.ts";
import type { ResolvedRowFormatOptions, RowFormatName } from "./row-format.ts";
import { ROW_FORMATS, ROW_FORMAT_NAMES, resolveRowFormatOptions } from "./row-formats.ts";
import type { RowsInit } from "./rows-init.ts";

/** What is to be sent. */
export interface WantedRows {
  readonly name: RowFormatName;
  readonly options: ResolvedRowFormatOptions;
  readonly maxRows: number;
  /** `maxRows` is less than what the reader asked for. */
  readonly isCapped: boolean;
  readonly strict: boolean;
  readonly headers: Headers;
}

/** What is to be sent, by who wrote the handler, and else by the request. @throws HttpError for what the request has wrong */
export function resolveWanted(request: Request, init: RowsInit): WantedRows {
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
