/** A value of a row, as databases give it. Integers that may exceed 2^53 are bigints, so that none is rounded. */
export type RowValue = null | string | number | bigint | boolean | Uint8Array;

/** Brings rows into text. It runs where the rows are: in a database's own process, too. */
export interface RowEncoder {
  /** What stands before the first row, whether there is one or not. */
  readonly begin: string;
  /** One row, with its end. `values` are in the order of the columns, and not kept. */
  encode(values: readonly RowValue[]): string;
  /** What stands behind the last row. */
  readonly end: string;
}

export interface RowFormat {
  /** `Content-Type`. */
  readonly mediaType: string;
  createEncoder(columns: readonly string[]): RowEncoder;
}
