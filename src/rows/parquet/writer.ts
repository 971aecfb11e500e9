/** A process that makes one Parquet file of the rows that come on descriptor 4. See `parquet-rows.ts`. */
import { answer, receive } from "../readers/connection.ts";
import type { WriterRequest } from "../readers/messages.ts";
import { missingDuckDb } from "./missing-duckdb.ts";

const FEED = 4;

const request = receive() as WriterRequest | undefined;
if (request) {
  try {
    const { writeParquet } = await import("./write-parquet.ts");
    await writeParquet(FEED, request.columns);
  } catch (error) {
    answer(missingDuckDb(error) ?? { kind: "failed", reason: "database", message: String(error) });
  }
}
