import { type DuckDBDecimalType, type DuckDBPreparedStatement, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import type { Column, ColumnType } from "../../column.ts";

/** A column, and how its values become what rows are made of, as SQL over its name. */
export interface DuckDbColumn extends Column {
  /** What a format takes it for, by its text: of a huge integer that is an integer's. */
  readonly cellType: Exclude<ColumnType, "dynamic">;
  /** Its canonical text. */
  text(name: string, bytes: "base64" | "hex"): string;
  /** The value as Parquet has it, which has no type for some. */
  parquet(name: string): string;
}

const asIs = (name: string): string => name;
const asText = (name: string): string => `CAST(${name} AS VARCHAR)`;

/** The columns that a statement gives; undefined where DuckDB does not know their types yet. */
export function columnsOf(statement: DuckDBPreparedStatement): DuckDbColumn[] | undefined {
  const columns: DuckDbColumn[] = [];
  for (let index = 0; index < statement.columnCount; index++) {
    if (statement.columnTypeId(index) === DuckDBTypeId.INVALID) return undefined;
    columns.push(columnOf(statement.columnName(index), statement.columnType(index)));
  }
  return columns;
}

/** What is told of columns. */
export function toColumn({ name, type, declared, precision, scale }: DuckDbColumn): Column {
  return { name, type, declared, ...(precision === undefined ? {} : { precision, scale }) };
}

export function columnOf(name: string, duckDbType: DuckDBType): DuckDbColumn {
  const { type, cellType = type, text = asText, parquet = asIs } = kindOf(duckDbType);
  const { width, scale } = duckDbType as Partial<DuckDBDecimalType>;
  const declared = duckDbType.alias ?? String(duckDbType);
  const isDecimal = duckDbType.typeId === DuckDBTypeId.DECIMAL;
  return { name, type, declared, cellType, text, parquet, ...(isDecimal ? { precision: width, scale } : {}) };
}

interface Kind {
  readonly type: Exclude<ColumnType, "dynamic">;
  readonly cellType?: Exclude<ColumnType, "dynamic">;
  readonly text?: DuckDbColumn["text"];
  readonly parquet?: DuckDbColumn["parquet"];
}

function kindOf(duckDbType: DuckDBType): Kind {
  switch (duckDbType.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return { type: "boolean" };
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.SMALLINT:
      return { type: "int16" };
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.INTEGER:
      return { type: "int32" };
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.BIGINT:
      return { type: "int64" };
    case DuckDBTypeId.UBIGINT:
      return { type: "decimal", cellType: "int64" };
    // DuckDB writes them to Parquet as doubles.
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return { type: "decimal", cellType: "int64", parquet: asText };
    case DuckDBTypeId.DECIMAL:
      return { type: "decimal" };
    case DuckDBTypeId.FLOAT:
      return { type: "float32", text: floatText };
    case DuckDBTypeId.DOUBLE:
      return { type: "float64", text: floatText };
    case DuckDBTypeId.DATE:
      return { type: "date" };
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_NS:
      return { type: "time" };
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return { type: "timestamp", text: (name) => withT(asText(name)) };
    case DuckDBTypeId.TIMESTAMP_TZ:
      return { type: "timestamptz", text: (name) => withMinutes(withT(asText(name))) };
    case DuckDBTypeId.BLOB:
      return { type: "bytes", text: (name, bytes) => (bytes === "hex" ? `lower(hex(${name}))` : `to_base64(${name})`) };
    case DuckDBTypeId.UUID:
      return { type: "uuid" };
    // Parquet's interval has no microseconds, and its time no offset.
    case DuckDBTypeId.INTERVAL:
      return { type: "interval", parquet: asText };
    case DuckDBTypeId.TIME_TZ:
    case DuckDBTypeId.BIT:
      return { type: "text", parquet: asText };
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.MAP:
    case DuckDBTypeId.ARRAY:
      return { type: "json", text: jsonOf(duckDbType) };
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
      return { type: "json", text: jsonOf(duckDbType), parquet: jsonOf(duckDbType) };
    case DuckDBTypeId.VARCHAR:
      return { type: duckDbType.alias === "JSON" ? "json" : "text" };
    default:
      return { type: "text" };
  }
}

function floatText(name: string): string {
  return (
    `CASE WHEN isfinite(${name}) THEN ${asText(name)} WHEN isnan(${name}) THEN 'NaN' ` +
    `WHEN ${name} > 0 THEN 'Infinity' WHEN ${name} < 0 THEN '-Infinity' END`
  );
}

/** ISO 8601. A year before the common era has its ` (BC)` at the end. */
function withT(text: string): string {
  return `replace(replace(${text}, ' ', 'T'), 'T(BC)', ' (BC)')`;
}

/** DuckDB leaves out the minutes of an offset that has none. */
function withMinutes(text: string): string {
  return `regexp_replace(${text}, '([+-][0-9]{2})( \\(BC\\))?$', '\\1:00\\2')`;
}

function jsonOf(duckDbType: DuckDBType): (name: string) => string {
  const hasFloats = /\b(?:FLOAT|DOUBLE|VARIANT)\b/u.test(String(duckDbType));
  return (name) => {
    const json = `CAST(to_json(${name}) AS VARCHAR)`;
    if (!hasFloats) return json;
    // DuckDB has NaN and Infinity stand in JSON as they are, which is none then: such a value is the text that it has for it.
    const isNone = `regexp_matches(regexp_replace(${json}, '"(\\\\.|[^"\\\\])*"', '', 'g'), '[NI]')`;
    return `CASE WHEN ${isNone} THEN CAST(to_json(${asText(name)}) AS VARCHAR) ELSE ${json} END`;
  };
}
