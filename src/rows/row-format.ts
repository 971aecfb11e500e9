import type { Column, ColumnType } from "./column.ts";
import type { SqlDialect } from "./sql-dialect.ts";

/** How rows are written. Each format heeds those that concern it; all are plain data, and cross processes. */
export interface RowFormatOptions {
  /**
   * CSV: `excel` begins with a byte order mark, and guards text that a spreadsheet would take for a formula with an
   * apostrophe.
   * @defaultValue "plain"
   */
  readonly profile?: "plain" | "excel" | undefined;
  /**
   * CSV and TSV: whether the first line has the columns' names.
   * @defaultValue true
   */
  readonly header?: boolean | undefined;
  /**
   * CSV: the end of a line.
   * @defaultValue "crlf"
   */
  readonly eol?: "crlf" | "lf" | undefined;
  /**
   * CSV: what stands for NULL, unquoted; no quotes, commas or line ends.
   * @defaultValue "" (where there is only one column `""`: nobody reads empty lines)
   */
  readonly null?: string | undefined;
  /**
   * CSV: a first line `sep=,`, which Excel reads and nobody else does.
   * @defaultValue false
   */
  readonly sep?: boolean | undefined;
  /**
   * How bytes are written: RFC 4648 §4, or lower-case hexadecimal digits.
   * @defaultValue "base64"
   */
  readonly bytes?: "base64" | "hex" | undefined;
  /**
   * JSON and JSON Lines: integers beyond ±(2^53 - 1) as numbers with all their digits, or as strings.
   * @defaultValue "number"
   */
  readonly bigint?: "number" | "string" | undefined;
  /**
   * JSON and JSON Lines: NaN and the infinities, which JSON has no numbers for, as strings or as null.
   * @defaultValue "string"
   */
  readonly nonFinite?: "string" | "null" | undefined;
  /**
   * The time zone that points in time are written in, by its IANA name, where the database has such a type.
   * @defaultValue "UTC"
   */
  readonly timeZone?: string | undefined;
}

export type ResolvedRowFormatOptions = {
  readonly [Key in keyof RowFormatOptions]-?: NonNullable<RowFormatOptions[Key]>;
};

/**
 * Writes rows as text, in SQL: text that is built where the rows are costs a third of rows decoded and encoded again, and no
 * number ever passes through a JavaScript one.
 */
export interface RowLayout extends Framing {
  /** Stands before the cell at `index`: the first one's is the row's beginning. */
  before(index: number): string;
  /** Stands behind the last cell. */
  readonly after: string;
  /** What stands for NULL. */
  readonly null: string;
  /**
   * A cell, as an SQL expression.
   *
   * @param text - an SQL expression of the value's canonical text, which is not NULL: digits; `true` and `false`; ISO 8601;
   *   JSON; base64 or hexadecimal digits; text as it is
   */
  cell(type: Exclude<ColumnType, "dynamic">, text: string, sql: SqlDialect): string;
}

/** What stands around rows. */
export interface Framing {
  /** Before the first row, whether there is one or not. */
  readonly begin: string;
  /** Between two rows. */
  readonly between: string;
  /** Behind each row. */
  readonly rowEnd: string;
  /** Behind the last row. */
  readonly end: string;
}

export interface RowFormat {
  /** `Content-Type`. */
  readonly mediaType: string;
  /** What else clients call it in `Accept`. */
  readonly otherTypes: readonly string[];
  /** File name extensions, the first for new files. */
  readonly extensions: readonly string[];
  /** Of Parquet, which is no text: the rows that its writer makes it of. */
  layout?(columns: readonly Column[], options: ResolvedRowFormatOptions): RowLayout;
}

/** A format and how it is to be written. Plain data. */
export interface RowFormatRequest {
  readonly name: RowFormatName;
  readonly options: ResolvedRowFormatOptions;
}

export type RowFormatName = "csv" | "tsv" | "ndjson" | "json" | "parquet";
