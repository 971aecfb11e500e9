import { closeSync } from "node:fs";
import type { DuckDBConnection, DuckDBResultReader } from "@duckdb/node-api";
import { type Pipe, makePipe, pathOf } from "../../parquet/pipe.ts";
import { parquetOptions, sendParquet } from "../../parquet/send-parquet.ts";
import { answer, receive } from "../../readers/connection.ts";
import { FramedRows } from "../../readers/framed-rows.ts";
import type { ReaderRequest, ReaderTarget } from "../../readers/messages.ts";
import type { RowFormatRequest } from "../../row-format.ts";
import { toColumn } from "./columns.ts";
import { RefusedStatement, toFailure } from "./failure.ts";
import { openDatabase } from "./open-database.ts";
import { parquetQuery, rowQuery } from "./row-sql.ts";
import { sendRows } from "./send-rows.ts";
import { type DatabaseSettings, temporaryPathOf } from "./settings.ts";
import { type Described, describeTarget, prepareWith } from "./statement.ts";
import { tablesOf } from "./tables.ts";

/** Answers requests until there are no more. */
export async function serve(path: string, settings: DatabaseSettings): Promise<void> {
  for (let request = receive(); request !== undefined; request = receive()) {
    try {
      await respond(path, settings, request);
    } catch (error) {
      answer(toFailure(error, undefined));
    }
  }
}

async function respond(path: string, settings: DatabaseSettings, request: ReaderRequest): Promise<void> {
  if (request.kind === "run" || request.kind === "drop") return;
  const format = request.kind === "open" ? request.format : undefined;
  using output = format?.name === "parquet" ? new Output(await makePipe(temporaryPathOf(settings))) : undefined;
  // Opened for each query, so that it sees the file that has the name now, and keeps no writer out between queries.
  using database = await openDatabase(path, settings, format?.options.timeZone ?? "UTC", output?.path);
  const { connection } = database;
  if (request.kind === "tables") return answer({ kind: "tables", tables: await tablesOf(connection) });
  const described = await describeOrAnswer(connection, request.target);
  if (!described) return;
  const columns = described.columns.map(toColumn);
  if (request.kind === "describe") return answer({ kind: "columns", columns });
  // It is prepared before anything is promised: a statement that cannot be run with these parameters has a status.
  const maxRows = request.maxRows ?? Infinity;
  const run = await (output
    ? prepareParquet(connection, described, maxRows, output)
    : prepareRows(connection, described, maxRows, request.format));
  answer({ kind: "columns", columns });
  if (receive()?.kind === "run") answer({ kind: "end", truncated: await run() });
}

/** A statement that is wrong has a position, as it stands. */
async function describeOrAnswer(connection: DuckDBConnection, target: ReaderTarget): Promise<Described | undefined> {
  try {
    return await describeTarget(connection, target);
  } catch (error) {
    answer(toFailure(error, "sql" in target ? target.sql : undefined));
    return undefined;
  }
}

/** @returns runs it, and says whether there are more rows than `maxRows` */
async function prepareRows(
  connection: DuckDBConnection,
  described: Described,
  maxRows: number,
  format: RowFormatRequest,
): Promise<() => Promise<boolean>> {
  const { sql, layout } = rowQuery(described, format);
  const statement = await prepareWith(connection, limited(sql, maxRows + 1), described.parameters);
  return async () => {
    const framed = new FramedRows(layout);
    const betweenBytes = Buffer.byteLength(layout.rowEnd + layout.between);
    await connection.run("BEGIN TRANSACTION READ ONLY");
    const isTruncated = await sendRows(await statement.stream(), betweenBytes, maxRows, framed);
    await expectWhole(connection);
    framed.end();
    return isTruncated;
  };
}

/**
 * DuckDB's module tells nobody of a stream that failed behind its first rows: it ends as one that has ended well. What such a
 * one leaves is a transaction that takes no more statements.
 */
async function expectWhole(connection: DuckDBConnection): Promise<void> {
  try {
    await connection.run("SELECT 1");
  } catch (error) {
    throw new RefusedStatement("The query failed behind its first rows", "query", { cause: error });
  }
}

async function prepareParquet(
  connection: DuckDBConnection,
  described: Described,
  maxRows: number,
  output: Output,
): Promise<() => Promise<boolean>> {
  const { parameters, columns } = described;
  const query = limited(parquetQuery(described), maxRows);
  // What is written is a file that cannot be cut any more: whether there is more is asked for itself.
  const more = `SELECT count(*) FROM (${limited(parquetQuery(described), maxRows + 1)})`;
  const statement = await prepareWith(
    connection,
    `COPY (${query}) TO '${output.path}' (${parquetOptions(columns.length)})`,
    parameters,
  );
  return async () => {
    const rows = await sendParquet(output.take(), async () => countOf(await statement.runAndReadAll()));
    if (rows < maxRows) return false;
    return countOf(await (await prepareWith(connection, more, parameters)).runAndReadAll()) > maxRows;
  };
}

function limited(sql: string, rows: number): string {
  return rows === Infinity ? sql : `${sql} LIMIT ${rows}`;
}

function countOf(result: DuckDBResultReader): number {
  return Number(result.getRows()[0]![0]);
}

/** A pipe that is closed where nothing came to be written to it. */
class Output implements Disposable {
  readonly path: string;
  #pipe: Pipe | undefined;

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
    this.path = pathOf(pipe.writeFd);
  }

  take(): Pipe {
    const pipe = this.#pipe!;
    this.#pipe = undefined;
    return pipe;
  }

  [Symbol.dispose](): void {
    if (!this.#pipe) return;
    closeSync(this.#pipe.readFd);
    closeSync(this.#pipe.writeFd);
  }
}
