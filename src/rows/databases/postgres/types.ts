import type { Column, ColumnType } from "../../column.ts";
import type { FieldDescription } from "./protocol.ts";

type PlainType = Exclude<ColumnType, "dynamic">;

/** The types that most columns have, by OID (pg_type.dat): their names, and what they are here. */
const TYPES: ReadonlyMap<number, readonly [name: string, type: PlainType]> = new Map([
  [16, ["boolean", "boolean"]],
  [17, ["bytea", "bytes"]],
  [18, ['"char"', "text"]],
  [19, ["name", "text"]],
  [20, ["bigint", "int64"]],
  [21, ["smallint", "int16"]],
  [23, ["integer", "int32"]],
  [25, ["text", "text"]],
  [26, ["oid", "int64"]],
  [114, ["json", "json"]],
  [700, ["real", "float32"]],
  [701, ["double precision", "float64"]],
  [1042, ["character", "text"]],
  [1043, ["character varying", "text"]],
  [1082, ["date", "date"]],
  [1083, ["time without time zone", "time"]],
  [1114, ["timestamp without time zone", "timestamp"]],
  [1184, ["timestamp with time zone", "timestamptz"]],
  [1186, ["interval", "interval"]],
  [1700, ["numeric", "decimal"]],
  [2950, ["uuid", "uuid"]],
  [3802, ["jsonb", "json"]],
]);

const NUMERIC_OID = 1700;
/** A modifier counts itself. */
const MODIFIER_BYTES = 4;

export interface PgColumn extends Column {
  readonly type: PlainType;
  readonly typeOid: number;
}

/** Types that are not in the table, as pg_type has them. */
export interface OtherType {
  readonly name: string;
  /** Its values are lists or records, declared or not, and written as JSON. */
  readonly isComposite: boolean;
}

/** The OIDs of `fields` that somebody has to look up. */
export function unknownTypes(fields: readonly FieldDescription[], known: ReadonlyMap<number, OtherType>): number[] {
  const oids = new Set(fields.map(({ typeOid }) => typeOid));
  return [...oids].filter((oid) => !TYPES.has(oid) && !known.has(oid));
}

export function toColumn(
  { name, typeOid, typeModifier }: FieldDescription,
  others: ReadonlyMap<number, OtherType>,
): PgColumn {
  const [declared, type] = TYPES.get(typeOid) ?? [
    others.get(typeOid)?.name,
    others.get(typeOid)?.isComposite ? ("json" as const) : ("text" as const),
  ];
  if (typeOid !== NUMERIC_OID || typeModifier < MODIFIER_BYTES) return { name, type, typeOid, declared };
  // numeric.c: the precision is in the upper half, the scale in the lower 11 bits, signed.
  const modifier = typeModifier - MODIFIER_BYTES;
  const precision = modifier >> 16;
  const scale = ((modifier & 0x7ff) ^ 1024) - 1024;
  return { name, type, typeOid, declared: `numeric(${precision},${scale})`, precision, scale };
}

/** How a column's value is made the canonical text of its type. */
export interface TextOptions {
  readonly bytes: "base64" | "hex";
  readonly timeZone: string;
}

/** Arrays and records have no text that is JSON. */
const JSON_OIDS: ReadonlySet<number> = new Set([114, 3802]);
/** Of other types a cast to text or to JSON may say something else than they say themselves: it cuts the blanks of character(n). */
const TEXT_OIDS: ReadonlySet<number> = new Set([18, 19, 25, 1043]);
const FIRST_AD = "0001-01-01 00:00:00";

/** The canonical text of a value, as an SQL expression. */
export function textOf({ type, typeOid }: PgColumn, name: string, { bytes, timeZone }: TextOptions): string {
  switch (type) {
    case "bytes":
      // base64 comes in lines.
      return bytes === "hex" ? `encode(${name}, 'hex')` : `translate(encode(${name}, 'base64'), chr(10), '')`;
    case "timestamp":
      return isoText(name, "timestamp", "");
    case "timestamptz":
      return timeZone === "UTC" ? isoText(name, "timestamptz", ":00") : `(to_json(${name}) #>> '{}')`;
    case "json":
      return JSON_OIDS.has(typeOid) ? `${name}::text` : `to_json(${name})::text`;
    case "text":
      return TEXT_OIDS.has(typeOid) ? `${name}::text` : `CASE WHEN ${name} IS NOT NULL THEN concat(${name}) END`;
    default:
      return `${name}::text`;
  }
}

/** Whether a value is NULL, as an SQL condition. A record of NULLs is none, and `IS NULL` says it is. */
export function isNull({ type, typeOid }: PgColumn, name: string): string {
  return type === "json" && !JSON_OIDS.has(typeOid) ? `${name} IS NOT DISTINCT FROM NULL` : `${name} IS NULL`;
}

/** As it is in its COPY: a value whose text is canonical needs no expression. */
export function copiedAs(column: PgColumn, name: string, options: TextOptions): string {
  const { type } = column;
  const isAsIs =
    type !== "boolean" && type !== "bytes" && type !== "timestamp" && type !== "timestamptz" && type !== "json";
  return isAsIs ? name : textOf(column, name, options);
}

/** ISO 8601. What JSON has for it costs twice as much, and is only needed before our era, and for what has no end. */
function isoText(name: string, type: "timestamp" | "timestamptz", minutes: string): string {
  const text = `replace(${name}::text, ' ', 'T')`;
  const usual = minutes === "" ? text : `${text} || '${minutes}'`;
  const isUsual = `${name} >= ${type} '${FIRST_AD}' AND ${name} < ${type} 'infinity'`;
  return `CASE WHEN ${isUsual} THEN ${usual} ELSE to_json(${name}) #>> '{}' END`;
}
