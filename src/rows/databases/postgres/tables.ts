import { HttpError } from "../../../errors.ts";
import type { Column } from "../../column.ts";
import type { Table } from "../../row-query.ts";
import { quoteName } from "../../sql-dialect.ts";
import type { Session } from "./session.ts";
import { type OtherType, type PgColumn, toColumn } from "./types.ts";

/** Tables, partitioned and foreign ones, views and materialized views that are readable, with the name they go by here. */
const RELATIONS = `
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples::bigint,
    CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE concat(n.nspname, '.', c.relname) END AS called
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')`;

/** Domains, with what each is of: another domain, or the type that its columns have when they are read. */
const DOMAINS = `
  WITH RECURSIVE domains (domain, oid, modifier, is_domain) AS (
    SELECT d.oid, t.oid, d.typtypmod, t.typtype = 'd' FROM pg_type d JOIN pg_type t ON t.oid = d.typbasetype WHERE d.typtype = 'd'
    UNION ALL
    SELECT n.domain, t.oid, d.typtypmod, t.typtype = 'd'
    FROM domains n JOIN pg_type d ON d.oid = n.oid JOIN pg_type t ON t.oid = d.typbasetype WHERE n.is_domain
  )`;
/** `record`, and lists of it: what a query makes has no declared type. */
const RECORDS = "2249, 2287";

/** A statement that gives all rows of a table. @throws HttpError 404 where there is none of this name */
export async function selectFrom(session: Session, table: string): Promise<string> {
  const [found] = await session.read(`SELECT nspname, relname FROM (${RELATIONS}) r WHERE called = $1`, [table]);
  if (!found) throw new HttpError(404, `There is no table of the name ${table}`);
  const [schema, name] = found as [string, string];
  return `SELECT * FROM ${quoteName(schema)}.${quoteName(name)}`;
}

export async function tablesOf(session: Session, others: Map<number, OtherType>): Promise<Table[]> {
  const relations = await session.read(`SELECT oid, called, relkind, reltuples FROM (${RELATIONS}) r ORDER BY called`);
  const attributes = await session.read(
    `${DOMAINS} SELECT a.attrelid, a.attname, coalesce(d.oid, a.atttypid), coalesce(d.modifier, a.atttypmod)
     FROM pg_attribute a LEFT JOIN domains d ON d.domain = a.atttypid AND NOT d.is_domain
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY ($1::oid[]) ORDER BY a.attrelid, a.attnum`,
    [`{${relations.map(([oid]) => oid).join(",")}}`],
  );
  const fields = Map.groupBy(attributes, ([oid]) => oid);
  await learnTypes(
    session,
    attributes.map(([, , oid]) => Number(oid)),
    others,
  );
  return relations.map(([oid, name, kind, tuples]) => ({
    name: name!,
    kind: kind === "v" || kind === "m" ? "view" : "table",
    columns: (fields.get(oid) ?? []).map(([, column, typeOid, modifier]) =>
      plain(toColumn({ name: column!, typeOid: Number(typeOid), typeModifier: Number(modifier) }, others)),
    ),
    estimatedRows: Number(tuples) < 0 || kind === "v" ? undefined : Number(tuples),
  }));
}

/** Looks up types that are none of the usual ones. */
export async function learnTypes(
  session: Session,
  oids: readonly number[],
  others: Map<number, OtherType>,
): Promise<void> {
  if (oids.length === 0) return;
  const types = await session.read(
    `SELECT oid, format_type(oid, NULL), typtype = 'c' OR typcategory = 'A' OR oid IN (${RECORDS}) FROM pg_type WHERE oid = ANY ($1::oid[])`,
    [`{${oids.join(",")}}`],
  );
  for (const [oid, name, isComposite] of types)
    others.set(Number(oid), { name: name!, isComposite: isComposite === "t" });
}

/** What is told of a column. */
export function plain({ name, type, declared, precision, scale }: PgColumn): Column {
  return { name, type, declared, ...(precision === undefined ? {} : { precision, scale }) };
}
