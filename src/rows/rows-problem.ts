import { report } from "../core/report.ts";
import { HttpError, SluiceError } from "../errors.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import { QueryError } from "./query-error.ts";

const DETAILS: Readonly<Record<QueryError["status"], string>> = {
  400: "The query is not one that can be run",
  403: "The query may not be run",
  504: "The query took too long",
};

/** Whether the client wrote the statement, and is told what is wrong with it in the database's words. */
export type Explain = boolean;

/** The answer to a query that could not be begun. */
export function rowsProblem(error: unknown, explain: Explain): Response {
  if (error instanceof HttpError) return errorResponse(error);
  if (error instanceof QueryError) {
    if (!explain) report({ code: "SOURCE_FAILED", message: "A query could not be described", error });
    return problemResponse(error.status, detailOf(error, explain), {}, membersOf(error, explain));
  }
  const isDatabase = error instanceof SluiceError && error.code === "ERR_DATABASE";
  report({ code: "SOURCE_FAILED", message: "A query could not be begun", error });
  return problemResponse(500, isDatabase ? "The database cannot be read" : undefined);
}

/** What is thrown before the first row, as the sender answers it: by its status. */
export function toHttpError(error: Error, explain: Explain): Error {
  if (!(error instanceof QueryError)) return error;
  if (!explain) report({ code: "SOURCE_FAILED", message: "A query failed before its first row", error });
  return new HttpError(error.status, detailOf(error, explain), { cause: error, members: membersOf(error, explain) });
}

function detailOf(error: QueryError, explain: Explain): string {
  return explain ? error.message : DETAILS[error.status];
}

function membersOf({ position, databaseCode }: QueryError, explain: Explain): Record<string, unknown> {
  return {
    ...(explain && position !== undefined ? { position } : {}),
    ...(explain && databaseCode !== undefined ? { code: databaseCode } : {}),
  };
}
