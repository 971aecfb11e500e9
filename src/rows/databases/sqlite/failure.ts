import type { ReaderAnswer } from "./messages.ts";
import { RefusedStatement } from "./statement.ts";

/** SQLite's result codes (sqlite.org/rescode.html), without their extension in the higher bits. */
const SQLITE_ERROR = 1;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_TOOBIG = 18;
const SQLITE_MISMATCH = 20;
const SQLITE_AUTH = 23;
const SQLITE_RANGE = 25;

/** What went wrong, as the one who asked is told. */
export function toFailure(error: unknown): ReaderAnswer {
  const { errcode, message } = error as Error & { errcode?: number };
  if (error instanceof RefusedStatement) return { kind: "failed", reason: "query", message };
  if (errcode === undefined) return { kind: "failed", reason: "database", message: String(error) };
  switch (errcode & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return { kind: "failed", reason: "busy", message };
    case SQLITE_AUTH:
      return { kind: "failed", reason: "query", message: "A query only reads; this statement would do more than that" };
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return { kind: "failed", reason: "query", message };
    default:
      return { kind: "failed", reason: "database", message };
  }
}
