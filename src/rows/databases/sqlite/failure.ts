import type { ReaderFailure } from "../../readers/messages.ts";
import { RefusedStatement, UnknownTable } from "./statement.ts";

/** SQLite's result codes (sqlite.org/rescode.html), without their extension in the higher bits. */
const CODES: Readonly<Record<number, [name: string, reason: ReaderFailure["reason"]]>> = {
  1: ["SQLITE_ERROR", "query"],
  5: ["SQLITE_BUSY", "busy"],
  6: ["SQLITE_LOCKED", "busy"],
  18: ["SQLITE_TOOBIG", "query"],
  20: ["SQLITE_MISMATCH", "query"],
  23: ["SQLITE_AUTH", "denied"],
  25: ["SQLITE_RANGE", "query"],
};

/** What went wrong, as the one who asked is told. */
export function toFailure(error: unknown, sql: string | undefined): ReaderFailure {
  const { errcode, message } = error as Error & { errcode?: number };
  if (error instanceof UnknownTable) return { kind: "failed", reason: "unknown table", message };
  if (error instanceof RefusedStatement) return { kind: "failed", reason: error.reason, message };
  if (errcode === undefined) return { kind: "failed", reason: "database", message: String(error) };
  const [databaseCode, reason] = CODES[errcode & 0xff] ?? [`SQLite's error ${errcode}`, "database"];
  if (reason === "denied") {
    return {
      kind: "failed",
      reason,
      message: "A query only reads; this statement would do more than that",
      databaseCode,
    };
  }
  return {
    kind: "failed",
    reason,
    message,
    position: sql === undefined ? undefined : positionOf(message, sql),
    databaseCode,
  };
}

/** Where in the statement what SQLite names stands, if it stands there once: it has no other way to say so here. */
function positionOf(message: string, sql: string): number | undefined {
  const named =
    /^near "([\s\S]+)": syntax error$/u.exec(message) ??
    /^no such (?:column|table|function): ([\s\S]+)$/u.exec(message);
  if (message === "incomplete input") return sql.length + 1;
  const token = named?.[1];
  if (token === undefined) return undefined;
  const at = sql.indexOf(token);
  return at >= 0 && sql.indexOf(token, at + 1) < 0 ? at + 1 : undefined;
}
