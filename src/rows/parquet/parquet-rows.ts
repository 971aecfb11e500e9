import { closeSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Item, isPromiseLike } from "../../core/puller.ts";
import { SluiceError } from "../../errors.ts";
import type { Column } from "../column.ts";
import type { ReaderAnswer } from "../readers/messages.ts";
import { toError } from "../readers/reader-error.ts";
import { ReaderProcess } from "../readers/reader-process.ts";
import type { RowFormatRequest } from "../row-format.ts";
import { resolveRowFormatOptions } from "../row-formats.ts";
import type { RowStream } from "../row-query.ts";
import { PipeWriter } from "./pipe-writer.ts";
import { makePipe, temporaryPath } from "./pipe.ts";

/** In the sources this file ends in `.ts`, where it was built in `.js`: so does the writer. */
const WRITER = fileURLToPath(
  import.meta.url.endsWith(".ts") ? new URL("./writer.ts", import.meta.url) : new URL("./writer.js", import.meta.url),
);

/** What waits for the writer, in bytes: it takes a buffer full at once, and then computes while this fills. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/** How the rows come that a Parquet file is made of: as `formats/parquet.ts` lays them out. */
const FEED: RowFormatRequest = { name: "parquet", options: resolveRowFormatOptions() };

/**
 * A query's rows as a Parquet file, made by DuckDB in a process of its own while it is sent.
 *
 * The rows go as text through a pipe that DuckDB reads itself, and the file comes out through another: so it is live, in constant
 * memory, and waits for its reader. Of what was tried, this is the fastest that has no file: rows put into DuckDB's vectors from
 * JavaScript cost more for each cell than all of this does, JSON stays in DuckDB's memory until its end, and so does CSV that is
 * not read in parallel, which again takes quoted lines for rows.
 *
 * @param openFeed - opens the query, with its rows in the format it is given
 */
export async function parquetRows(
  openFeed: (feed: RowFormatRequest) => Promise<RowStream>,
  signal: AbortSignal,
): Promise<RowStream> {
  const feed = await openFeed(FEED);
  try {
    const { readFd, writeFd } = await makePipe(temporaryPath());
    const input = new PipeWriter(writeFd, AHEAD_BYTES);
    try {
      signal.throwIfAborted();
      return new ParquetRows(feed, startWriter(readFd), input);
    } catch (error) {
      input.destroy();
      throw error;
    } finally {
      closeSync(readFd);
    }
  } catch (error) {
    feed.cancel(error);
    throw error;
  }
}

function startWriter(feedFd: number): ReaderProcess {
  const folder = temporaryPath();
  return new ReaderProcess({
    script: WRITER,
    args: [folder],
    descriptors: [feedFd],
    cleanUp: () => rmSync(folder, { recursive: true, force: true }),
  });
}

/** Nothing is fed before the first pull. */
class ParquetRows implements RowStream {
  readonly columns: readonly Column[];
  readonly #feed: RowStream;
  readonly #writer: ReaderProcess;
  readonly #input: PipeWriter;
  #state: "new" | "feeding" | "fed" | "ended" = "new";
  #failure: { error: unknown } | undefined;

  constructor(feed: RowStream, writer: ReaderProcess, input: PipeWriter) {
    this.columns = feed.columns;
    this.#feed = feed;
    this.#writer = writer;
    this.#input = input;
    writer.send({ kind: "write", columns: feed.columns });
  }

  get rows(): number {
    return this.#feed.rows;
  }

  get truncated(): boolean {
    return this.#feed.truncated;
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    if (this.#state === "new") {
      this.#state = "feeding";
      void this.#pump();
    }
    try {
      const frame = this.#writer.next();
      return isPromiseLike(frame)
        ? frame.then((arrived) => this.#toItem(arrived)).catch(this.#onError)
        : this.#toItem(frame);
    } catch (error) {
      return this.#onError(error);
    }
  }

  cancel(reason: unknown): void {
    this.#end(reason);
  }

  #toItem(frame: Buffer | ReaderAnswer): Item | undefined {
    if (Buffer.isBuffer(frame)) return frame;
    if (frame.kind !== "end") throw toError(frame);
    const { rows } = this.#writer;
    if (this.#state !== "fed" || rows !== this.#feed.rows) {
      throw new SluiceError("ERR_DATABASE", `Of ${this.#feed.rows} rows, ${rows} came into the Parquet file`);
    }
    this.#end(undefined);
    return undefined;
  }

  /** Where both end, the feed's failure is why. */
  readonly #onError = (error: unknown): never => {
    this.#end(error);
    throw this.#failure ? this.#failure.error : error;
  };

  async #pump(): Promise<void> {
    try {
      for (let item = await this.#feed.pull(); item !== undefined; item = await this.#feed.pull()) {
        // A writer that has ended says why by itself.
        if (this.#state !== "feeding" || this.#input.isClosed) return;
        await this.#input.write(item);
      }
      if (this.#state !== "feeding") return;
      this.#state = "fed";
      this.#input.end();
    } catch (error) {
      if (this.#state !== "feeding") return;
      this.#failure = { error };
      this.#state = "fed";
      // Not ended: DuckDB would take what it has for all there is, and write the file's end.
      this.#writer.kill();
    }
  }

  #end(reason: unknown): void {
    if (this.#state === "ended") return;
    if (this.#state !== "fed") this.#feed.cancel(reason);
    this.#state = "ended";
    this.#writer.kill();
    this.#input.destroy();
  }
}
