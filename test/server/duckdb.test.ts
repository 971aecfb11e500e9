import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { serveExports } from "./support.ts";

const folder = temporaryFolder();

test("a folder as DuckDB's database has no tables, and files that queries read", async () => {
  const data = join(folder.path, "data");
  mkdirSync(data);
  writeFileSync(join(data, "orders.csv"), "id,day\n1,2026-01-01\n2,2026-02-01\n");
  writeFileSync(join(folder.path, "secret.csv"), "id\n3\n");
  const queries = {
    since: { sql: "SELECT * FROM 'orders.csv' WHERE day >= :day", params: { day: { type: "date" } } },
  } as const;
  await using server = await serveExports({ database: `duckdb:${data}`, queries, allowSql: true });
  const entries = (await (await fetch(`${server.url}/tables`)).json()) as { name: string }[];
  expect(entries.map(({ name }) => name)).toEqual(["since"]);
  expect(await (await fetch(`${server.url}/export/since.csv?day=2026-01-15`)).text()).toBe(
    '"id","day"\r\n2,2026-02-01\r\n',
  );
  const headers = { "Content-Type": "application/sql" };
  const outside = await fetch(`${server.url}/query`, {
    method: "POST",
    body: "SELECT * FROM '../secret.csv'",
    headers,
  });
  expect([400, 403]).toContain(outside.status);
});
