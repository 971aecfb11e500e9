/**
 * What kind of values a column has, the same names for every database. `dynamic` is SQLite's: each value has a type of its
 * own, and the declared one only says what to expect.
 */
export type ColumnType =
  | "boolean"
  | "int16"
  | "int32"
  | "int64"
  | "decimal"
  | "float32"
  | "float64"
  | "text"
  | "bytes"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "interval"
  | "uuid"
  | "json"
  | "dynamic";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** As the database names it; undefined where it says nothing, of an expression in SQLite for example. */
  readonly declared: string | undefined;
  /** Of a `decimal` that has them: digits in all, and behind the point. */
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
}
