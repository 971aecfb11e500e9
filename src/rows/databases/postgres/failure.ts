import { HttpError, SluiceError } from "../../../errors.ts";
import { QueryError } from "../../query-error.ts";
import type { ServerError } from "./protocol.ts";

/** What the backend answered instead. */
export class ServerFailure extends Error {
  readonly sqlState: string;
  readonly position: number | undefined;

  constructor({ sqlState, message, position }: ServerError) {
    super(message);
    this.sqlState = sqlState;
    this.position = position;
  }
}

const QUERY_CANCELED = "57014";
const INSUFFICIENT_PRIVILEGE = "42501";
/** What a transaction that only reads does not let happen: writing, and setting that it may write. */
const READ_ONLY = new Set(["25001", "25006"]);
/** Later it may work: too many connections, shutting down, starting up, a replica that had to go on (manual, appendix A). */
const BUSY = /^(?:53...|57P0[1-5]|40001|40P01|55P03)$/u;
/** What is wrong with a statement, with the values in it, or with what it wants. */
const WRONG = /^(?:0A|21|22|2F|34|3F|42|44|54)/u;
const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "ECONNRESET",
  "EMFILE",
]);
/** What a pool says when no connection has come in time: these have no code. */
const NO_CONNECTION = /^(?:timeout exceeded when trying to connect|Connection terminated due to connection timeout)$/u;

/** Whether the connection is gone. */
export function isBroken(error: unknown): boolean {
  const { code = "", message } = error as Error & { code?: string };
  return (
    ["57P01", "57P02", "ECONNRESET", "EPIPE"].includes(code) || /\bConnection terminated|not queryable/u.test(message)
  );
}

/** @param positionOf - where in the user's statement a position of the backend's is */
export function toError(error: unknown, positionOf?: (position: number) => number | undefined): Error {
  if (error instanceof SluiceError || error instanceof HttpError) return error;
  const { code, message } = error as Error & { code?: string };
  // Errors of the backend come as ours, from an exchange, or as `pg`'s.
  const sqlState = error instanceof ServerFailure ? error.sqlState : /^[0-9A-Z]{5}$/u.test(code ?? "") ? code! : "";
  if (BUSY.test(sqlState) || UNREACHABLE.has(code ?? "") || NO_CONNECTION.test(message)) {
    return new HttpError(503, "The database is busy, or not there", { cause: error, headers: { "Retry-After": "1" } });
  }
  const position =
    error instanceof ServerFailure && error.position !== undefined ? positionOf?.(error.position) : undefined;
  const options = { position, databaseCode: sqlState, cause: error };
  if (sqlState === INSUFFICIENT_PRIVILEGE || READ_ONLY.has(sqlState)) {
    return new QueryError(message, { ...options, status: 403 });
  }
  if (sqlState === QUERY_CANCELED) return new QueryError(message, { ...options, status: 504 });
  if (WRONG.test(sqlState)) return new QueryError(message, options);
  return new SluiceError("ERR_DATABASE", message, { cause: error });
}
