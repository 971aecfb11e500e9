import { type Logger, destination, pino } from "pino";
import { type RowsOutcome, setReporter } from "../index.ts";
import type { SendResult } from "../node/index.ts";

/** One JSON object a line, on stdout, written before the call returns: nothing is lost at the end. */
export function createLogger(): Logger {
  return pino(
    { base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ fd: 1, sync: true }),
  );
}

/** A field may be as long as all fields together. */
const MAX_RANGE_LENGTH = 200;

/** One line for every answer, when it has ended. @param rows - where it was an export */
export function logAnswer(logger: Logger, result: SendResult, rows?: RowsOutcome): void {
  const { method, target, range, status, outcome, bytes, durationMs, error } = result;
  const entry = {
    method,
    target,
    ...(range === undefined ? {} : { range: range.slice(0, MAX_RANGE_LENGTH) }),
    status,
    outcome,
    bytes,
    // HEAD asks for none.
    ...(rows === undefined || rows.outcome === "discarded" ? {} : { export: describeExport(rows) }),
    ms: Math.round(durationMs),
    ...(error === undefined ? {} : { err: error }),
  };
  if (outcome === "failed" || outcome === "stalled") logger.warn(entry, "answered");
  else logger.info(entry, "answered");
}

function describeExport({ format, rows, truncated, heldMs, outcome }: RowsOutcome): object {
  const status = outcome === "completed" ? (truncated ? "truncated" : "complete") : outcome;
  return { format, rows, status, heldMs: Math.round(heldMs) };
}

/** What the library has to say goes to the log. */
export function reportTo(logger: Logger): void {
  setReporter(({ code, message, error }) =>
    logger.warn({ code, ...(error === undefined ? {} : { err: error }) }, message),
  );
}
