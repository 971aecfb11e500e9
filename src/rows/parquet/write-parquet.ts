import { DuckDBInstance } from "@duckdb/node-api";
import type { Column } from "../column.ts";
import { answer } from "../readers/connection.ts";
import type { ReaderFailure } from "../readers/messages.ts";
import { MAX_ROW_BYTES, VALUE_ERROR, feedQuery } from "./feed-sql.ts";
import { makePipe, pathOf } from "./pipe.ts";
import { parquetOptions, sendParquet } from "./send-parquet.ts";

/** A row group is closed when it has this much, even if it has few rows. */
const ROW_GROUP_BYTES = "16MB";

const SETTINGS: Readonly<Record<string, string>> = {
  // One thread reads a row after the other, so their order is kept, though no setting makes DuckDB gather rows to keep it: with
  // `preserve_insertion_order` it would hold all there are. The database that feeds it has the other core.
  threads: "1",
  preserve_insertion_order: "false",
  memory_limit: "256MB",
  // Nothing is ever written to a disk.
  temp_directory: "",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
};

/** Makes the file of the rows that can be read from `feedFd`, sends it, and answers how that ended. */
export async function writeParquet(feedFd: number, columns: readonly Column[]): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", SETTINGS);
  const connection = await instance.connect();
  const query = feedQuery(pathOf(feedFd), columns);
  const options = `${parquetOptions(columns.length)}, ROW_GROUP_SIZE_BYTES '${ROW_GROUP_BYTES}'`;
  try {
    await sendParquet(await makePipe(), async (path) => {
      const result = await connection.runAndReadAll(`COPY (${query}) TO '${path}' (${options})`);
      return Number(result.getRows()[0]![0]);
    });
    answer({ kind: "end", truncated: false });
  } catch (error) {
    answer(toFailure(error as Error));
  }
}

function toFailure({ message }: Error): ReaderFailure {
  const told = message.indexOf(VALUE_ERROR);
  if (told >= 0) return { kind: "failed", reason: "query", message: `${message.slice(told)}: cast it in a query` };
  if (/maximum line size/iu.test(message)) {
    const limit = `${MAX_ROW_BYTES / 1024 / 1024} MiB`;
    return {
      kind: "failed",
      reason: "query",
      message: `A row has more than ${limit} of text, more than Parquet is made of here`,
    };
  }
  return { kind: "failed", reason: "database", message: `Parquet could not be written: ${message}` };
}
