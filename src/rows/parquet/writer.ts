/** A process that makes one Parquet file of the rows that come on descriptor 4: `node writer.ts FOLDER`. See `parquet-rows.ts`. */
import { answer, receive } from "../readers/connection.ts";
import type { WriterRequest } from "../readers/messages.ts";
import { loadFailure } from "./load-failure.ts";

const FEED = 4;

const request = receive() as WriterRequest | undefined;
if (request) {
  try {
    const { writeParquet } = await import("./write-parquet.ts");
    await writeParquet(FEED, request.columns, process.argv[2]!);
  } catch (error) {
    answer(loadFailure(error));
  }
}
