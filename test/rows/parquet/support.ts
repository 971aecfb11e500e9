import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import type { RowStream } from "../../../src/index.ts";
import type { Column } from "../../../src/rows/column.ts";

/** What stands at both ends of a Parquet file, and nowhere near its end while it is not whole. */
export const MAGIC = Buffer.from("PAR1");

/** A stream of rows that comes from no database: text as `formats/parquet.ts` lays it out. */
export interface Feed extends RowStream {
  readonly pulls: number;
  readonly cancelled: { reason: unknown } | undefined;
}

/** @param lines - each a piece of whole rows; `undefined` for one that never comes */
export function feedOf(columns: readonly Column[], lines: Iterable<string | undefined>): Feed {
  const source = lines[Symbol.iterator]();
  let rows = 0;
  let pulls = 0;
  let cancelled: Feed["cancelled"];
  return {
    columns,
    truncated: false,
    get rows() {
      return rows;
    },
    get pulls() {
      return pulls;
    },
    get cancelled() {
      return cancelled;
    },
    async pull() {
      pulls++;
      const { value, done } = source.next();
      if (done) return undefined;
      if (value === undefined) return new Promise(() => {});
      rows += value.split("\n").length - 1;
      return Buffer.from(value);
    },
    cancel(reason) {
      cancelled = { reason };
    },
  };
}

export function column(name: string, type: Column["type"], more: Partial<Column> = {}): Column {
  return { name, type, declared: undefined, ...more };
}

export async function readFile(rows: RowStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let item = await rows.pull(); item !== undefined; item = await rows.pull()) parts.push(Buffer.from(item));
  return Buffer.concat(parts);
}

/** Its rows, as a reader that has nothing to do with the writer reads them. */
export async function readIndependently(file: Buffer): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: toArrayBuffer(file), compressors: COMPRESSORS, utf8: false });
}

export function metadataOf(file: Buffer): ReturnType<typeof parquetMetadataAsync> {
  return parquetMetadataAsync(toArrayBuffer(file));
}

const COMPRESSORS = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) };

function toArrayBuffer(file: Buffer): ArrayBuffer {
  return new Uint8Array(file).buffer;
}

/** What DuckDB answers, as text. */
export async function askDuckDb(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The writers that this process has. */
export function writers(): number[] {
  const list = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" });
  return list
    .split("\n")
    .filter((line) => line.includes("parquet/writer."))
    .map((line) => Number.parseInt(line, 10));
}

/** Makes a folder in `folder` the one for temporary files, of this test file alone: what is in it is left by what is tested. */
export function watchTemporaryFiles(folder: string): () => string[] {
  const path = join(folder, "temporary");
  mkdirSync(path);
  process.env["TMPDIR"] = path;
  return () => readdirSync(path);
}
