import { createRequire } from "node:module";
import type { DuckDBDataChunk } from "@duckdb/node-api";

/** What is needed of the module beneath DuckDB's, which comes with it and gives memory as it is. */
interface Bindings {
  data_chunk_get_vector(chunk: unknown, column: number): unknown;
  /** Of `bytes` bytes, in place. */
  vector_get_data(vector: unknown, bytes: number): Uint8Array;
  /** What the pointer at `offset` in `buffer` points to, in place. */
  get_data_from_pointer(buffer: ArrayBufferLike, offset: number, bytes: number): Uint8Array;
}

const fromDuckDb = createRequire(createRequire(import.meta.url).resolve("@duckdb/node-api"));
const bindings = fromDuckDb("@duckdb/node-bindings") as Bindings;

/** A text is its length in 4 bytes, and the text itself in 12, or its first 4 bytes and a pointer to it (`duckdb_string_t`). */
const ENTRY_BYTES = 16;
const INLINED_BYTES = 12;
/** Where DuckDB puts texts one behind the other, each begins at the next multiple of this. */
const ALIGNMENT = 8;

/**
 * Gives the texts of a chunk's first column, in UTF-8, none of which is NULL. They are DuckDB's memory, and only there until
 * `take` returns.
 *
 * Texts that were made one after the other also lie so, and are then read with one call for thousands of them, where each call
 * costs more than the row.
 */
export function takeTexts(chunk: DuckDBDataChunk, take: (text: Uint8Array) => void): void {
  const rows = chunk.rowCount;
  const entries = bindings.vector_get_data(bindings.data_chunk_get_vector(chunk.chunk, 0), rows * ENTRY_BYTES);
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  const lengthAt = (row: number): number => view.getUint32(row * ENTRY_BYTES, true);
  const lowAt = (row: number): number => view.getUint32(row * ENTRY_BYTES + 8, true);
  const highAt = (row: number): number => view.getUint32(row * ENTRY_BYTES + 12, true);
  for (let row = 0; row < rows;) {
    const first = row;
    if (lengthAt(first) <= INLINED_BYTES) {
      const at = first * ENTRY_BYTES + 4;
      take(entries.subarray(at, at + lengthAt(first)));
      row++;
      continue;
    }
    const start = lowAt(first);
    let end = start + lengthAt(first);
    for (row++; row < rows; row++) {
      const length = lengthAt(row);
      const gap = lowAt(row) - end;
      if (length <= INLINED_BYTES || highAt(row) !== highAt(first) || gap < 0 || gap >= ALIGNMENT) break;
      end = lowAt(row) + length;
    }
    const pointerAt = entries.byteOffset + first * ENTRY_BYTES + 8;
    const run = bindings.get_data_from_pointer(entries.buffer, pointerAt, end - start);
    for (let index = first; index < row; index++) {
      const at = lowAt(index) - start;
      take(run.subarray(at, at + lengthAt(index)));
    }
  }
}
