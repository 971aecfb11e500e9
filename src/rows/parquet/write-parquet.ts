import { closeSync, constants, openSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Column } from "../column.ts";
import { answer } from "../readers/connection.ts";
import type { ReaderFailure } from "../readers/messages.ts";
import { MAX_ROW_BYTES, VALUE_ERROR, feedQuery } from "./feed-sql.ts";
import { makePipe, pathOf } from "./pipe.ts";
import { parquetOptions, sendParquet } from "./send-parquet.ts";

/** A row group is closed when it has this much, even if it has few rows. */
const ROW_GROUP_BYTES = "16MB";

/** What DuckDB may hold, in MB: as a whole, and for each column, of which it has 2,048 values in every step. Few columns need less. */
const MEMORY_MB = 256;
const MEMORY_MB_PER_COLUMN = 0.5;
/** How often {@link wakeOpening} looks, in ms. */
const WAKE_MS = 5;

const SETTINGS: Readonly<Record<string, string>> = {
  // One thread reads a row after the other, so their order is kept, though no setting makes DuckDB gather rows to keep it: with
  // `preserve_insertion_order` it would hold all there are. The database that feeds it has the other core.
  threads: "1",
  preserve_insertion_order: "false",
  // Nothing is ever written to a disk.
  temp_directory: "",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
};

/**
 * Makes the file of the rows that can be read from `feedFd`, sends it, and answers how that ended.
 *
 * @param folder - for {@link makePipe}
 */
export async function writeParquet(feedFd: number, columns: readonly Column[], folder: string): Promise<void> {
  const memoryMb = MEMORY_MB + Math.ceil(columns.length * MEMORY_MB_PER_COLUMN);
  const instance = await DuckDBInstance.create(":memory:", { ...SETTINGS, memory_limit: `${memoryMb}MB` });
  const connection = await instance.connect();
  const query = feedQuery(pathOf(feedFd), columns);
  const options = `${parquetOptions(columns.length)}, ROW_GROUP_SIZE_BYTES '${ROW_GROUP_BYTES}'`;
  const waking = setInterval(() => wakeOpening(feedFd), WAKE_MS);
  try {
    await sendParquet(await makePipe(folder), async (path) => {
      const result = await connection.runAndReadAll(`COPY (${query}) TO '${path}' (${options})`);
      return Number(result.getRows()[0]![0]);
    });
    answer({ kind: "end", truncated: false });
  } catch (error) {
    answer(toFailure(error as Error));
  } finally {
    clearInterval(waking);
  }
}

/**
 * DuckDB opens the pipe by its path, and waits for one who writes to it. A short feed may have been written and closed by then:
 * it waits no longer when a writer comes and goes.
 */
function wakeOpening(feedFd: number): void {
  closeSync(openSync(pathOf(feedFd), constants.O_WRONLY | constants.O_NONBLOCK));
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
