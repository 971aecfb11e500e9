/** A process that reads one SQLite database: `node reader.ts PATH`. See `readers/messages.ts` for what it is told. */
import type { DatabaseSync } from "node:sqlite";
import { answer, receive } from "../../readers/connection.ts";
import { FramedRows } from "../../readers/framed-rows.ts";
import type { ReaderAnswer, ReaderRequest } from "../../readers/messages.ts";
import { toFailure } from "./failure.ts";
import { type Described, describeTarget, planQuery } from "./query-plan.ts";
import { sendPages } from "./send-pages.ts";
import { sendRowByRow } from "./send-row-by-row.ts";
import { openReadOnly, toInputs } from "./statement.ts";
import { tablesOf } from "./tables.ts";

function serve(path: string): void {
  for (let request = receive(); request !== undefined; request = receive()) {
    // Opened for each query, so that it sees the file that has the name now, and holds none between queries.
    let database: DatabaseSync | undefined;
    try {
      database = openReadOnly(path);
      const last = respond(database, request);
      // Nobody is told that it has ended before the database is free again.
      database.close();
      if (last) answer(last);
    } catch (error) {
      answer(toFailure(error, "target" in request && "sql" in request.target ? request.target.sql : undefined));
    } finally {
      if (database?.isOpen) database.close();
    }
  }
}

/** @returns what is still to be answered */
function respond(database: DatabaseSync, request: ReaderRequest): ReaderAnswer | undefined {
  if (request.kind === "tables") return { kind: "tables", tables: tablesOf(database) };
  if (request.kind === "run" || request.kind === "drop") return undefined;
  const described = describeTarget(database, request.target);
  const columns = described.columns.map(({ name, type, declared }) => ({ name, type, declared }));
  if (request.kind === "describe") return { kind: "columns", columns };
  // It is prepared before anything is promised: a statement that cannot be run with these parameters has a status.
  const run = prepareRun(database, described, request);
  answer({ kind: "columns", columns });
  if (receive()?.kind !== "run") return undefined;
  return { kind: "end", truncated: run() };
}

function prepareRun(
  database: DatabaseSync,
  described: Described,
  { format, maxRows }: Extract<ReaderRequest, { kind: "open" }>,
): () => boolean {
  const { layout, pages, rowSql } = planQuery(database, described, format);
  const inputs = toInputs(described.parameters);
  const framed = new FramedRows(layout);
  const most = maxRows ?? Infinity;
  return () => {
    const truncated =
      pages === undefined
        ? sendRowByRow(database, rowSql, inputs, most, layout, framed)
        : sendPages(database, pages, inputs, most, framed);
    framed.end();
    return truncated;
  };
}

serve(process.argv[2]!);
