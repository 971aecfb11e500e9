import { HttpError } from "../errors.ts";
import type { RowFormatOptions } from "./row-format.ts";
import { resolveRowFormatOptions } from "./row-formats.ts";

/** What a request says of its rows in its query string. */
export interface RequestedRows {
  readonly options: RowFormatOptions;
  /** The most rows it wants. */
  readonly limit: number | undefined;
  /** It wants a run. */
  readonly resumable: boolean | undefined;
  /** It would rather fail than get fewer rows than there are, or rows whose NULLs cannot be told. */
  readonly strict: boolean;
}

/** Names in the query string that say how rows are written. Parameters of queries have others. */
export const RESERVED_QUERY_NAMES: ReadonlySet<string> = new Set([
  "bigint",
  "bytes",
  "eol",
  "format",
  "header",
  "limit",
  "nonfinite",
  "null",
  "profile",
  "resumable",
  "run",
  "sep",
  "strict",
  "tz",
]);

/** @throws HttpError 400 for a value that is none of the choices */
export function parseRequestedRows(query: URLSearchParams): RequestedRows {
  const options = {
    profile: query.get("profile") ?? undefined,
    header: parseFlag(query, "header"),
    eol: query.get("eol") ?? undefined,
    null: query.get("null") ?? undefined,
    sep: parseFlag(query, "sep"),
    bytes: query.get("bytes") ?? undefined,
    bigint: query.get("bigint") ?? undefined,
    nonFinite: query.get("nonfinite") ?? undefined,
    timeZone: query.get("tz") ?? undefined,
  } as RowFormatOptions;
  try {
    resolveRowFormatOptions(options);
  } catch (error) {
    throw new HttpError(400, `In the query string, ${(error as Error).message}`, { cause: error });
  }
  return {
    options,
    limit: parseLimit(query.get("limit")),
    resumable: parseFlag(query, "resumable"),
    strict: parseFlag(query, "strict") ?? false,
  };
}

function parseFlag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (value === "1" || value === "true" || value === "") return true;
  if (value === "0" || value === "false") return false;
  throw new HttpError(400, `In the query string, ${name} is 1 or 0; got ${JSON.stringify(value.slice(0, 50))}`);
}

function parseLimit(value: string | null): number | undefined {
  if (value === null) return undefined;
  const limit = /^\d{1,16}$/u.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(limit)) return limit;
  throw new HttpError(400, `In the query string, limit is a number of rows; got ${JSON.stringify(value.slice(0, 50))}`);
}
