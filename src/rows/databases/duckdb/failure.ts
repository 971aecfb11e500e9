import type { ReaderFailure } from "../../readers/messages.ts";

/** A statement that is not run, for a reason that its author can mend. */
export class RefusedStatement extends Error {
  readonly reason: "query" | "denied";

  constructor(message: string, reason: "query" | "denied", options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export class UnknownTable extends Error {}

/** DuckDB's words for the kind of an error, those of a query that is wrong, or too large. */
const OF_QUERY: ReadonlySet<string> = new Set([
  "Binder Error",
  "Catalog Error",
  "Constraint Error",
  "Conversion Error",
  "Dependency Error",
  "Invalid Input Error",
  "Invalid Error",
  "Invalid Type Error",
  "Mismatch Type Error",
  "Not implemented Error",
  "Out of Memory Error",
  "Out of Range Error",
  "Parameter Not Resolved Error",
  "Parser Error",
  "Syntax Error",
]);

/**
 * What went wrong, as the one who asked is told.
 *
 * @param sql - the statement that was being described, which DuckDB tells a position in
 */
export function toFailure(error: unknown, sql: string | undefined): ReaderFailure {
  const { message } = error as Error;
  if (error instanceof UnknownTable) return { kind: "failed", reason: "unknown table", message };
  if (error instanceof RefusedStatement) return { kind: "failed", reason: error.reason, message };
  const [, databaseCode, words, excerpt] =
    /^(?:Failed to extract statements: )?([A-Z][A-Za-z ]*?(?:Error|Exception)): ([\s\S]*?)(?:\n\n(LINE \d+: [\s\S]*))?$/u.exec(
      message,
    ) ?? [];
  if (words === undefined) return { kind: "failed", reason: "database", message: String(error) };
  return {
    kind: "failed",
    reason: reasonOf(databaseCode!, words),
    message: words.trim(),
    position: sql !== undefined && excerpt !== undefined ? positionOf(excerpt, sql) : undefined,
    databaseCode,
  };
}

function reasonOf(kind: string, words: string): ReaderFailure["reason"] {
  // What it has no extension for is somewhere else.
  if (kind === "Permission Error" || kind === "Missing Extension Error") return "denied";
  if (kind !== "IO Error") return OF_QUERY.has(kind) ? "query" : "database";
  if (words.startsWith("Could not set lock on file")) return "busy";
  return words.startsWith("No files found") ? "query" : "database";
}

/** `LINE 2: …` has a piece of that line, and below it a caret under what is meant. */
function positionOf(excerpt: string, sql: string): number | undefined {
  const [shown, pointer] = excerpt.split("\n") as [string, string | undefined];
  const [head, line] = /^LINE (\d+): /u.exec(shown)!;
  const caret = pointer?.indexOf("^") ?? -1;
  const lines = sql.split("\n");
  const text = lines[Number(line) - 1];
  if (caret < head.length || text === undefined) return undefined;
  // A long line is cut at both ends.
  const piece = shown.slice(head.length).replace(/^\.\.\.|\.\.\.$/gu, "");
  const cut = shown.startsWith("...", head.length) ? 3 : 0;
  // Parameters are `$name` there, and as long.
  const at = text.replaceAll(":", "$").indexOf(piece.replaceAll(":", "$"));
  if (at < 0) return undefined;
  const before = lines.slice(0, Number(line) - 1).reduce((sum, { length }) => sum + length + 1, 0);
  return before + at + caret - head.length - cut + 1;
}
