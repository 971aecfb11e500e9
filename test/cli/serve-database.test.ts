import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { makeDatabase } from "../server/support.ts";
import { Sluice } from "./sluice.ts";

const folder = temporaryFolder();
const path = makeDatabase(join(folder.path, "app.db"));
/** Rows that take a while. */
const NUMBERS =
  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i, 'row ' || i AS r FROM n";
const serve = ["serve", "--port", "0"];

test("--database exports its tables; the log has a line for each, the start says which, and a signal ends it", async () => {
  await using sluice = new Sluice([...serve, "--database", `sqlite:${path}`]);
  const url = await sluice.listening();
  await until(() => sluice.stderr.includes("totals.csv"), "the list");
  expect(sluice.stderr).toContain(`${url}/tables lists what is exported of sqlite:${path}:\n`);
  expect(sluice.stderr).toContain(`  ${url}/export/orders.csv  a table, rows: about 3\n`);
  const { body } = await curl(`${url}/export/orders.csv`);
  expect(body.toString()).toBe(
    '"id","day","amount","note"\r\n1,"2026-01-01",1.5,"a"\r\n2,"2026-01-02",2.5,\r\n3,"2026-02-01",3.0,""\r\n',
  );
  expect(await sluice.answered("/export/orders.csv")).toMatchObject({
    status: 200,
    outcome: "completed",
    bytes: body.byteLength,
    export: { format: "csv", rows: 3, status: "complete", heldMs: expect.any(Number) as number },
  });
  expect((await curl(`${url}/query`, "-d", "SELECT 1", "-H", "Content-Type: text/plain")).status).toBe(403);
  const metrics = (await curl(`${url}/metrics`)).body.toString();
  expect(metrics).toContain('sluice_exports_total{format="csv",outcome="complete"} 1\n');
  expect(metrics).toContain("sluice_database_running_queries 0\n");
  sluice.kill("SIGTERM");
  expect(await sluice.end()).toBe(0);
});

test("HEAD, and what was no export, have no rows in the log", async () => {
  await using sluice = new Sluice([...serve, "--database", `sqlite:${path}`]);
  const url = await sluice.listening();
  await curl(`${url}/export/orders.csv`, "-I");
  await curl(`${url}/export/none.csv`);
  expect(await sluice.answered("/export/orders.csv")).not.toHaveProperty("export");
  expect(await sluice.answered("/export/none.csv")).not.toHaveProperty("export");
});

test("a configuration file is from its folder, and flags and the environment win over it", async () => {
  const below = join(folder.path, "below");
  mkdirSync(below);
  writeFileSync(join(below, "page.txt"), "a page");
  const config = join(below, "sluice.json");
  const queries = { since: { sql: "SELECT id FROM orders WHERE day >= :day", params: { day: "date" } } };
  writeFileSync(
    config,
    JSON.stringify({ database: "sqlite:../app.db", files: ".", maxRows: 1, queries, tables: ["orders", "gone"] }),
  );
  await using byFile = new Sluice([...serve, "--config", config]);
  const url = await byFile.listening();
  await until(() => byFile.stderr.includes("gone"), "the list");
  expect(byFile.stderr).toContain(`  ${url}/export/since.csv?day=…  a query\n`);
  expect(byFile.stderr).toContain("(tables of the configuration that are not there: gone)");
  expect((await curl(`${url}/files/page.txt`)).body.toString()).toBe("a page");
  expect((await curl(`${url}/export/since.csv?day=2026-02-01`)).body.toString()).toBe('"id"\r\n3\r\n');
  await curl(`${url}/export/orders.csv`);
  expect(await byFile.answered("/export/orders.csv")).toMatchObject({ export: { rows: 1, status: "truncated" } });
  expect((await curl(`${url}/export/totals.csv`)).status).toBe(404);

  const other = makeDatabase(
    join(folder.path, "other.db"),
    "CREATE TABLE orders (id INTEGER, day TEXT); INSERT INTO orders VALUES (7, 'x'), (8, 'y')",
  );
  await using byEnvironment = new Sluice([...serve, "--config", config], { SLUICE_DATABASE: `sqlite:${other}` });
  expect((await curl(`${await byEnvironment.listening()}/export/orders.csv`)).body.toString()).toContain('7,"x"\r\n');
  const flags = ["--database", `sqlite:${path}`, "--max-rows", "2", "--allow-sql"];
  await using byFlags = new Sluice([...serve, "--config", config, ...flags], { SLUICE_DATABASE: `sqlite:${other}` });
  const flagged = await byFlags.listening();
  expect((await curl(`${flagged}/export/orders.csv?header=0`)).body.toString().split("\r\n")).toHaveLength(3);
  expect(
    (await curl(`${flagged}/query`, "-d", "SELECT 1 AS a", "-H", "Content-Type: text/plain")).body.toString(),
  ).toBe('"a"\r\n1\r\n');
});

test("--demo alone exports its own table by name, too", async () => {
  const data = ["--demo", "--data", join(folder.path, "demo"), "--demo-rows", "1000"];
  await using sluice = new Sluice([...serve, ...data]);
  const url = await sluice.listening();
  expect((await curl(`${url}/export/huge_table.csv`)).body.equals((await curl(`${url}/export`)).body)).toBe(true);
  expect((await curl(`${url}/tables`)).body.toString()).toContain('"/export/huge_table.ndjson"');
  expect((await curl(`${url}/`)).body.toString()).toContain("/export/huge_table.ndjson");
  await using both = new Sluice([...serve, ...data, "--database", `sqlite:${path}`]);
  const other = await both.listening();
  expect((await curl(`${other}/export/huge_table.csv`)).status).toBe(404);
  expect((await curl(`${other}/export/orders.csv`)).status).toBe(200);
  expect((await curl(`${other}/export`)).status).toBe(200);
  expect((await curl(`${other}/`)).body.toString()).not.toContain("huge_table.ndjson");
});

test.each<[what: string, args: string[], message: string]>([
  ["a database that is not there", ["--database", "sqlite:none.db"], "The database sqlite:/"],
  [
    "a scheme that is none",
    ["--database", "mysql://u:secret@h/d"],
    "--database is sqlite:PATH, postgres://HOST/DATABASE or duckdb:PATH; got mysql:…",
  ],
  ["a configuration that is not there", ["--config", "none.json"], "The configuration cannot be read: ENOENT"],
  ["SQL without a database", ["--allow-sql"], "--allow-sql needs a database"],
])("%s ends it with 1 and a sentence", async (_what, args, message) => {
  await using sluice = new Sluice([...serve, ...args]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toMatch(/^sluice: [^\n]+\n$/u);
  expect(sluice.stderr).toContain(`sluice: ${message}`);
  expect(sluice.stderr).not.toContain("secret");
});

test("a configuration that is wrong, and one whose queries are, end it with 1", async () => {
  const wrong = folder.write("wrong.json", '{"port": "x"}');
  await using first = new Sluice([...serve, "--config", wrong]);
  expect(await first.end()).toBe(1);
  expect(first.stderr).toBe(`sluice: In ${wrong}, port is a port, an integer from 0 to 65535; got "x"\n`);
  const queries = folder.write(
    "queries.json",
    '{"database": "sqlite:app.db", "queries": {"q": {"sql": "SELECT amuont FROM orders"}}}',
  );
  await using second = new Sluice([...serve, "--config", queries]);
  expect(await second.end()).toBe(1);
  expect(second.stderr).toBe("sluice: The query q cannot be run: no such column: amuont (character 8)\n");
  const homeless = folder.write("homeless.json", '{"queries": {"q": {"sql": "SELECT 1"}}}');
  await using third = new Sluice([...serve, "--config", homeless]);
  expect(await third.end()).toBe(1);
  expect(third.stderr).toContain("need a database");
});

test.each([
  ["--max-rows", "0"],
  ["--max-rows", "all"],
])("refuses %s %s", async (flag, value) => {
  await using sluice = new Sluice([...serve, `${flag}=${value}`]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toContain(`error: option '${flag}`);
});

test("an export may finish after a signal, and leaves no reader process", async () => {
  await using sluice = new Sluice([...serve, "--database", `sqlite:${path}`, "--allow-sql"]);
  const url = await sluice.listening();
  const headers = { "Content-Type": "application/sql", "Accept-Encoding": "identity" };
  const response = await fetch(`${url}/query?format=ndjson`, { method: "POST", body: NUMBERS, headers });
  const children = readFileSync(`/proc/${sluice.child.pid}/task/${sluice.child.pid}/children`, "utf8").trim();
  expect(children).not.toBe("");
  sluice.kill("SIGTERM");
  await until(() => sluice.log.some(({ msg }) => msg.startsWith("closing")), "the signal");
  expect((await response.text()).endsWith('{"i":1000000,"r":"row 1000000"}\n')).toBe(true);
  expect(await sluice.end()).toBe(0);
  expect(await sluice.answered("/query?format=ndjson")).toMatchObject({
    export: { rows: 1_000_000, status: "complete" },
  });
  for (const pid of children.split(" ")) expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
});
