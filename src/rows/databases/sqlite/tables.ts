import type { DatabaseSync } from "node:sqlite";
import type { Table } from "../../row-query.ts";
import { typeOf } from "./columns.ts";

/** Tables and views, without SQLite's own and those that virtual tables keep their content in. */
export function tablesOf(database: DatabaseSync): Table[] {
  const found = database
    .prepare(
      "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') " +
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .all();
  const rows = estimates(database);
  return found.flatMap(({ name, type }) => {
    const columns = columnsOf(database, String(name));
    // A view on what is no longer there.
    if (columns === undefined) return [];
    return [
      { name: String(name), kind: type === "view" ? "view" : "table", columns, estimatedRows: rows.get(String(name)) },
    ];
  });
}

function columnsOf(database: DatabaseSync, table: string): Table["columns"] | undefined {
  try {
    const found = database.prepare("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1").all(table);
    return found.map(({ name, type }) => {
      const declared = String(type);
      return { name: String(name), type: typeOf(declared), declared: declared === "" ? undefined : declared };
    });
  } catch {
    return undefined;
  }
}

/** What ANALYZE has counted; without it SQLite knows nothing. */
function estimates(database: DatabaseSync): Map<string, number> {
  const rows = new Map<string, number>();
  try {
    for (const { tbl, stat } of database.prepare("SELECT tbl, stat FROM sqlite_stat1").all()) {
      const count = Number.parseInt(String(stat), 10);
      if (Number.isSafeInteger(count)) rows.set(String(tbl), Math.max(count, rows.get(String(tbl)) ?? 0));
    }
  } catch {
    // ANALYZE has never run.
  }
  return rows;
}
