import type { DuckDBConnection } from "@duckdb/node-api";
import type { Table } from "../../row-query.ts";
import { quoteName } from "../../sql-dialect.ts";
import { columnsOf, toColumn } from "./columns.ts";
import { UnknownTable } from "./failure.ts";

interface Entry {
  readonly name: string;
  readonly kind: Table["kind"];
  /** As it stands in a statement. */
  readonly path: string;
  readonly estimatedRows: number | undefined;
}

/** Tables and views of the database, by name. */
export async function tablesOf(connection: DuckDBConnection): Promise<Table[]> {
  const tables: Table[] = [];
  for (const { name, kind, path, estimatedRows } of await entriesOf(connection)) {
    try {
      const columns = columnsOf(await connection.prepare(`SELECT * FROM ${path}`)) ?? [];
      tables.push({ name, kind, columns: columns.map(toColumn), estimatedRows });
    } catch {
      // A view on what is no longer there, or may not be read.
    }
  }
  return tables;
}

/** @throws UnknownTable */
export async function selectAll(connection: DuckDBConnection, table: string): Promise<string> {
  const entry = (await entriesOf(connection)).find(({ name }) => name === table);
  if (!entry) throw new UnknownTable(`There is no table of the name ${table}`);
  return `SELECT * FROM ${entry.path}`;
}

async function entriesOf(connection: DuckDBConnection): Promise<Entry[]> {
  const found = await connection.runAndReadAll(
    "SELECT schema_name, table_name, 'table', estimated_size FROM duckdb_tables() " +
      "WHERE database_name = current_database() AND NOT internal " +
      "UNION ALL SELECT schema_name, view_name, 'view', NULL FROM duckdb_views() " +
      "WHERE database_name = current_database() AND NOT internal ORDER BY 1, 2",
  );
  const rows = found.getRows() as [schema: string, name: string, kind: Table["kind"], rows: bigint | null][];
  return rows.map(([schema, name, kind, estimated]) => ({
    name: schema === "main" ? name : `${schema}.${name}`,
    kind,
    path: `${quoteName(schema)}.${quoteName(name)}`,
    estimatedRows: estimated === null ? undefined : Number(estimated),
  }));
}
