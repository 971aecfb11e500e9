import type { Column } from "../column.ts";
import type { RowRequest, RowStream, Table } from "../row-query.ts";
import type { ReaderAnswer, ReaderRequest, ReaderTarget } from "./messages.ts";
import { toError } from "./reader-error.ts";
import type { ReaderLoan, ReaderPool } from "./reader-pool.ts";
import { ReaderRows } from "./reader-rows.ts";

/** Has a reader describe a query. */
export function openRows(
  pool: ReaderPool,
  target: ReaderTarget,
  { format, maxRows, caller }: RowRequest,
  signal: AbortSignal,
): Promise<RowStream> {
  const request: ReaderRequest = {
    kind: "open",
    target,
    format,
    maxRows: Number.isFinite(maxRows) ? maxRows : null,
  };
  return ask(pool, request, caller, signal, (answer, loan) =>
    answer.kind === "columns" ? new ReaderRows(loan, answer.columns) : undefined,
  );
}

export function describeTarget(
  pool: ReaderPool,
  target: ReaderTarget,
  signal: AbortSignal,
): Promise<readonly Column[]> {
  return ask(pool, { kind: "describe", target }, undefined, signal, (answer, loan) => {
    if (answer.kind !== "columns") return undefined;
    loan.giveBack();
    return answer.columns;
  });
}

export function readTables(pool: ReaderPool, signal: AbortSignal): Promise<readonly Table[]> {
  return ask(pool, { kind: "tables" }, undefined, signal, (answer, loan) => {
    if (answer.kind !== "tables") return undefined;
    loan.giveBack();
    return answer.tables;
  });
}

/** @param take - what it makes of the answer; undefined where that is a failure, and the reader free again */
async function ask<T>(
  pool: ReaderPool,
  request: ReaderRequest,
  caller: string | undefined,
  signal: AbortSignal,
  take: (answer: ReaderAnswer, loan: ReaderLoan) => T | undefined,
): Promise<T> {
  for (;;) {
    const loan = await pool.take(caller, signal);
    const { reader } = loan;
    const onAbort = (): void => loan.kill();
    signal.addEventListener("abort", onAbort);
    try {
      signal.throwIfAborted();
      reader.send(request);
      const answer = await reader.next();
      signal.throwIfAborted();
      if (Buffer.isBuffer(answer)) throw new TypeError("unreachable: rows before columns");
      const taken = take(answer, loan);
      if (taken !== undefined) return taken;
      loan.giveBack();
      throw toError(answer);
    } catch (error) {
      loan.kill();
      signal.throwIfAborted();
      // One that died while it was idle, which is known only now: nothing has run yet.
      if (!loan.wasIdle || error !== reader.ended) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
