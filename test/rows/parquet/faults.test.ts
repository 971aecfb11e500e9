import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import type { RowStream } from "../../../src/index.ts";
import { sqlite } from "../../../src/rows/databases/sqlite.ts";
import { parquetRows } from "../../../src/rows/parquet/parquet-rows.ts";
import { settled, until, within } from "../../helpers/deadline.ts";
import { ENDLESS, ENDLESS_ROWS, cpuMs, isRunning, readersOf, temporaryFolder, wanted } from "../support.ts";
import { type Feed, MAGIC, column, feedOf, readFile, watchTemporaryFiles, writers } from "./support.ts";

const folder = temporaryFolder();
const temporaryFiles = watchTemporaryFiles(folder);
const signal = new AbortController().signal;
const COLUMNS = [column("i", "int64"), column("t", "text")];

/** Pieces of a thousand rows each. */
function* pieces(count: number): Generator<string> {
  for (let piece = 0; piece < count; piece++) {
    yield Array.from(
      { length: 1000 },
      (_, row) => `${piece * 1000 + row}\t"row ${(piece * 1000 + row) * 7919}"\n`,
    ).join("");
  }
}

function* then<T>(first: Iterable<T>, last: T): Generator<T> {
  yield* first;
  yield last;
}

async function open(feed: Feed): Promise<RowStream> {
  return parquetRows(async () => feed, signal);
}

/** Nothing is left of what has ended. */
async function expectNothingLeft(): Promise<void> {
  await until(() => writers().length === 0, "the end of every writer", 1_000);
  expect(temporaryFiles()).toEqual([]);
}

describe("a Parquet file that is being made", () => {
  test("is sent before the last row is there", async () => {
    const feed = feedOf(COLUMNS, then<string | undefined>(pieces(500), undefined));
    const rows = await open(feed);
    let bytes = 0;
    while (bytes < 100_000) bytes += (await within(Promise.resolve(rows.pull()), "the next piece"))!.length;
    rows.cancel(new Error("left"));
    await expectNothingLeft();
  });

  test("begins with rows, or not at all", async () => {
    const rows = await open(feedOf(COLUMNS, then<string | undefined>(pieces(1), undefined)));
    let given: unknown = "nothing";
    void Promise.resolve(rows.pull())
      .then((item) => (given = item))
      .catch(() => {});
    await until(() => temporaryFiles().length === 0 && writers().length === 1, "a writer");
    const [writer] = writers();
    // Whatever DuckDB writes before a row is whole has been written when it sleeps.
    await settled(() => cpuMs(writer!), "the writer");
    expect(given).toBe("nothing");
    rows.cancel(new Error("left"));
    await expectNothingLeft();
  });

  test("takes no more rows than its reader makes room for", async () => {
    const feed = feedOf(COLUMNS, pieces(1_000_000));
    const rows = await open(feed);
    await rows.pull();
    const pulls = await settled(() => feed.pulls, "the feed");
    expect(pulls).toBeLessThan(5_000);
    rows.cancel(new Error("left"));
    await expectNothingLeft();
    expect(feed.cancelled).toMatchObject({ reason: { message: "left" } });
  });

  test.each<[state: string, lines: () => Iterable<string | undefined>, pulls: number]>([
    ["before its first pull", () => pieces(10), 0],
    ["while its rows are read", () => pieces(1_000_000), 1],
    ["while its query gives nothing", () => [undefined], 0],
    ["while its query gives nothing more", () => then<string | undefined>(pieces(500), undefined), 2],
  ])("that is left %s leaves no process and no file", async (_state, lines, pulls) => {
    const feed = feedOf(COLUMNS, lines());
    const rows = await open(feed);
    for (let count = 0; count < pulls; count++) await rows.pull();
    const pending = Promise.resolve(pulls > 0 || feed.pulls > 0 ? rows.pull() : undefined).catch(() => {});
    rows.cancel(new Error("left"));
    await pending;
    await expectNothingLeft();
    expect(feed.cancelled).toBeDefined();
  });

  test("that is left while its query is opened is not begun", async () => {
    const controller = new AbortController();
    const feed = feedOf(COLUMNS, pieces(1));
    const opening = parquetRows(async () => {
      controller.abort(new Error("left"));
      return feed;
    }, controller.signal);
    await expect(opening).rejects.toThrow("left");
    await expectNothingLeft();
    expect(feed.cancelled).toBeDefined();
  });

  test("whose query fails before a row fails as it does", async () => {
    const feed = feedOf(COLUMNS, []);
    feed.pull = () => Promise.reject(new Error("no such row"));
    await expect(readFile(await open(feed))).rejects.toThrow("no such row");
    await expectNothingLeft();
  });

  test("whose query fails later has no end", async () => {
    const feed = feedOf(COLUMNS, pieces(500));
    const pull = feed.pull.bind(feed);
    const parts: Buffer[] = [];
    feed.pull = async () => {
      if (feed.pulls < 500) return pull();
      await until(() => parts.length > 0, "the file's beginning");
      throw new Error("gone");
    };
    const rows = await open(feed);
    const reading = (async () => {
      for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
    })();
    await expect(reading).rejects.toThrow("gone");
    expect(Buffer.concat(parts).subarray(0, 4)).toEqual(MAGIC);
    expect(Buffer.concat(parts).subarray(-4)).not.toEqual(MAGIC);
    await expectNothingLeft();
  });

  test("whose writer is killed fails, and its query is cancelled", async () => {
    const feed = feedOf(COLUMNS, pieces(1_000_000));
    const rows = await open(feed);
    await rows.pull();
    process.kill(writers()[0]!, "SIGKILL");
    await expect(readFile(rows)).rejects.toMatchObject({ code: "ERR_DATABASE" });
    await expectNothingLeft();
    expect(feed.cancelled).toBeDefined();
  });

  test("from which rows are missing fails", async () => {
    const feed = feedOf(COLUMNS, pieces(3));
    Object.defineProperty(feed, "rows", { value: 3001 });
    await expect(readFile(await open(feed))).rejects.toMatchObject({
      code: "ERR_DATABASE",
      message: /3001 rows, 3000/u,
    });
    await expectNothingLeft();
  });

  test("twenty at a time end, each whole", { timeout: 60_000 }, async () => {
    const files = await Promise.all(
      Array.from({ length: 20 }, async () => readFile(await open(feedOf(COLUMNS, pieces(5))))),
    );
    expect(new Set(files.map((file) => file.toString("base64"))).size).toBe(1);
    await expectNothingLeft();
  });

  test("fails with what to install, where DuckDB is missing", async () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    cpSync(join(import.meta.dirname, "../../../src"), join(elsewhere, "src"), { recursive: true });
    const url = pathToFileURL(join(elsewhere, "src/rows/parquet/parquet-rows.ts"));
    const copy = (await import(url.href)) as { parquetRows: typeof parquetRows };
    const rows = await copy.parquetRows(async () => feedOf(COLUMNS, pieces(1)), signal);
    await expect(readFile(rows)).rejects.toMatchObject({
      code: "ERR_DATABASE",
      message: expect.stringContaining("npm install @duckdb/node-api"),
    });
    await expectNothingLeft();
  });
});

describe("Parquet out of SQLite", () => {
  const path = join(folder, "faults.db");
  new DatabaseSync(path).close();
  const db = sqlite(path);

  test.each<[what: string, sql: string, pulls: number]>([
    ["rows without end", ENDLESS_ROWS, 1],
    ["a query that is busy without a row", ENDLESS, 0],
  ])("%s end within a second of their reader's leaving", async (_what, sql, pulls) => {
    const rows = await db.query(sql).open(wanted("parquet"), signal);
    for (let count = 0; count < pulls; count++) await rows.pull();
    const pending = Promise.resolve(rows.pull()).catch(() => {});
    const readers = readersOf(path);
    rows.cancel(new Error("left"));
    await until(() => readers.every((pid) => !isRunning(pid)), "the end of the reader", 1_000);
    await expectNothingLeft();
    await pending;
  });

  test("a reader that is killed fails the file", async () => {
    const rows = await db.query(ENDLESS_ROWS).open(wanted("parquet"), signal);
    await rows.pull();
    for (const pid of readersOf(path)) process.kill(pid, "SIGKILL");
    await expect(readFile(rows)).rejects.toMatchObject({ code: "ERR_DATABASE" });
    await expectNothingLeft();
  });
});
