import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresDatabase, postgres } from "../../../src/rows/databases/postgres.ts";
import { until } from "../../helpers/deadline.ts";
import { type TestPostgres, hasPostgres, startPostgres } from "../../helpers/postgres.ts";
import { drain } from "../contract/describe-database.ts";
import { readAll, wanted } from "../support.ts";

const signal = new AbortController().signal;

describe.runIf(hasPostgres())("PostgreSQL", () => {
  let server: TestPostgres;
  let database: PostgresDatabase;
  beforeAll(async () => {
    server = await startPostgres({ max_connections: "20" });
    await server.admin.query(`
      CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'Ada'), (2, NULL);
      CREATE SCHEMA other; CREATE TABLE other.t (a int); CREATE TABLE other.u (a int); INSERT INTO other.u VALUES (5);
      CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE TABLE parted (a int) PARTITION BY LIST (a);
      CREATE TABLE secret (a int); CREATE ROLE guest LOGIN; GRANT SELECT ON t TO guest;
      CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN price AS numeric(10,2);
      CREATE TYPE point2 AS (x int, y text); CREATE DOMAIN cost AS price; CREATE TABLE other.domains (a cost, b cost[]);
      CREATE TYPE tagged AS ENUM ('{"a": 1}');
      CREATE FUNCTION tags(tagged) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '[1]'::json $$;
      CREATE CAST (tagged AS json) WITH FUNCTION tags(tagged)`);
    database = postgres(server.url);
  }, 60_000);
  afterAll(async () => {
    await database?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  const one = async (expression: string, format: "csv" | "tsv" | "ndjson", options = {}): Promise<string> => {
    const text = await readAll(
      database.query(`SELECT ${expression} AS v`),
      wanted(format, { header: false, eol: "lf", ...options }),
    );
    return text.trimEnd();
  };

  test.each<[expression: string, type: string, csv: string, json: string]>([
    ["true", "boolean", "true", "true"],
    ["(-32768)::int2", "int16", "-32768", "-32768"],
    ["2147483647", "int32", "2147483647", "2147483647"],
    ["9223372036854775807", "int64", "9223372036854775807", "9223372036854775807"],
    ["4294967295::oid", "int64", "4294967295", "4294967295"],
    [
      "12345678901234567890.123456789012345678901234567890",
      "decimal",
      "12345678901234567890.123456789012345678901234567890",
      "12345678901234567890.123456789012345678901234567890",
    ],
    ["1.50::price", "decimal", "1.50", "1.50"],
    ["'NaN'::numeric", "decimal", "NaN", '"NaN"'],
    ["0.1::float8 + 0.2::float8", "float64", "0.30000000000000004", "0.30000000000000004"],
    ["1e300::float8", "float64", "1e+300", "1e+300"],
    ["'-Infinity'::float8", "float64", "-Infinity", '"-Infinity"'],
    ["'NaN'::float4", "float32", "NaN", '"NaN"'],
    ["0.1::float4", "float32", "0.1", "0.1"],
    ["'a \"b\", c'", "text", '"a ""b"", c"', '"a \\"b\\", c"'],
    ["E'a\\nb\\rc\\td\\\\e'", "text", '"a\nb\rc\td\\e"', '"a\\nb\\rc\\td\\\\e"'],
    ["'\\.'", "text", '"\\."', '"\\\\."'],
    ["''", "text", '""', '""'],
    ["'ab'::char(4)", "text", '"ab  "', '"ab  "'],
    ["'glad'::mood", "text", '"glad"', '"glad"'],
    ["'\\x00ff3e'::bytea", "bytes", '"AP8+"', '"AP8+"'],
    ["''::bytea", "bytes", '""', '""'],
    ["date '2026-02-28'", "date", "2026-02-28", '"2026-02-28"'],
    ["time '12:34:56.789'", "time", "12:34:56.789", '"12:34:56.789"'],
    ["timestamp '2026-02-28 12:34:56.789'", "timestamp", "2026-02-28T12:34:56.789", '"2026-02-28T12:34:56.789"'],
    ["timestamp '0044-03-15 12:00 BC'", "timestamp", "0044-03-15T12:00:00 BC", '"0044-03-15T12:00:00 BC"'],
    ["timestamp 'infinity'", "timestamp", "infinity", '"infinity"'],
    [
      "timestamptz '2026-02-28 12:34:56.5+01'",
      "timestamptz",
      "2026-02-28T11:34:56.5+00:00",
      '"2026-02-28T11:34:56.5+00:00"',
    ],
    ["timestamptz '-infinity'", "timestamptz", "-infinity", '"-infinity"'],
    ["interval '1 day 2 hours'", "interval", '"P1DT2H"', '"P1DT2H"'],
    [
      "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
      "uuid",
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
      '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
    ],
    ['\'{"a": [1, "x"]}\'::jsonb', "json", '"{""a"": [1, ""x""]}"', '{"a": [1, "x"]}'],
    ["E'{\"a\":\\n 1}'::json", "json", '"{""a"":\n 1}"', '{"a":  1}'],
    ["ARRAY[1, 2]", "json", '"[1,2]"', "[1,2]"],
    ["ROW(1, 'x')::point2", "json", '"{""x"":1,""y"":""x""}"', '{"x":1,"y":"x"}'],
    ["ROW(NULL, NULL)::point2", "json", '"{""x"":null,""y"":null}"', '{"x":null,"y":null}'],
    ["ROW(1, 'x')", "json", '"{""f1"":1,""f2"":""x""}"', '{"f1":1,"f2":"x"}'],
    ["'{\"a\": 1}'::tagged", "text", '"{""a"": 1}"', '"{\\"a\\": 1}"'],
    ["'192.168.0.1'::inet", "text", '"192.168.0.1"', '"192.168.0.1"'],
    ["int4range(1, 5)", "text", '"[1,5)"', '"[1,5)"'],
  ])("SELECT %s is %s", async (expression, type, csv, json) => {
    const [column] = await database.query(`SELECT ${expression} AS v`).describe(signal);
    expect(column!.type).toBe(type);
    // CSV is copied as PostgreSQL writes it, TSV too; JSON is built by the query. A parameter makes it a portal.
    expect(await one(expression, "csv")).toBe(csv);
    expect(await one(expression, "ndjson")).toBe(`{"v":${json}}`);
    for (const format of ["csv", "tsv", "ndjson"] as const) {
      const query = database.query(`SELECT ${expression} AS v WHERE :yes`, { yes: true });
      expect((await readAll(query, wanted(format, { header: false, eol: "lf" }))).trimEnd()).toBe(
        await one(expression, format),
      );
    }
  });

  test("NULL is nothing in CSV, whatever the type", async () => {
    const query = database.query(
      "SELECT NULL::int AS a, NULL::text AS b, NULL::jsonb AS c, NULL::timestamptz AS d, NULL::char(3) AS e",
    );
    expect(await readAll(query, wanted("csv", { header: false }))).toBe(",,,,\r\n");
    expect(await readAll(query, wanted("csv", { header: false, profile: "excel", null: "-" }))).toBe(
      "\uFEFF-,-,-,-,-\r\n",
    );
    expect(await readAll(query, wanted("ndjson"))).toBe('{"a":null,"b":null,"c":null,"d":null,"e":null}\n');
  });

  test("options say how bytes, times and what is not finite are written", async () => {
    expect(await one("'\\x00ff3e'::bytea", "csv", { bytes: "hex" })).toBe('"00ff3e"');
    expect(await one("repeat('x', 100)::bytea", "csv")).toBe(`"${Buffer.from("x".repeat(100)).toString("base64")}"`);
    const zone = { timeZone: "Asia/Kolkata" };
    expect(await one("timestamptz '2026-02-28 12:00+00'", "csv", zone)).toBe("2026-02-28T17:30:00+05:30");
    expect(await one("timestamptz '2026-02-28 12:00+00'", "ndjson", zone)).toBe('{"v":"2026-02-28T17:30:00+05:30"}');
    expect(await one("'NaN'::float8", "ndjson", { nonFinite: "null" })).toBe('{"v":null}');
    const query = database.query("SELECT 1").open(wanted("csv", { timeZone: "Mars/Olympus" }), signal);
    await expect(query).rejects.toMatchObject({ code: "ERR_QUERY", status: 400 });
  });

  test("columns are described with their types, precision and scale", async () => {
    const columns = await database
      .query("SELECT id, name, 1.5::numeric(10,2) AS p, 1::numeric AS q, 'x'::varchar(3) AS v FROM t")
      .describe(signal);
    expect(columns).toEqual([
      { name: "id", type: "int32", declared: "integer" },
      { name: "name", type: "text", declared: "text" },
      { name: "p", type: "decimal", declared: "numeric(10,2)", precision: 10, scale: 2 },
      { name: "q", type: "decimal", declared: "numeric" },
      { name: "v", type: "text", declared: "character varying" },
    ]);
  });

  test("tables are named as they are found, with their schema where they are not", async () => {
    const tables = await database.tables(signal);
    expect(tables.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      "m view",
      "other.domains table",
      "other.t table",
      "other.u table",
      "parted table",
      "secret table",
      "t table",
    ]);
    expect(await readAll(database.table("other.u"))).toBe('"a"\r\n5\r\n');
    await server.admin.query("ANALYZE t");
    expect((await database.tables(signal)).find(({ name }) => name === "t")).toMatchObject({
      estimatedRows: 2,
      columns: [
        { name: "id", type: "int32", declared: "integer" },
        { name: "name", type: "text", declared: "text" },
      ],
    });
  });

  test("a domain's columns are listed as they are read, a domain's domain too", async () => {
    const listed = (await database.tables(signal)).find(({ name }) => name === "other.domains")!.columns;
    expect(listed).toEqual(await database.table("other.domains").describe(signal));
    expect(listed[0]).toMatchObject({ type: "decimal", precision: 10, scale: 2 });
  });

  test("one column: in TSV an empty text is no NULL, whatever way it comes", async () => {
    const sql = "SELECT v FROM (VALUES (1, ''), (2, NULL), (3, 'x')) t (i, v) WHERE i > 0 ORDER BY i";
    expect(await readAll(database.query(sql), wanted("tsv"))).toBe("v\n\n\\N\nx\n");
    const query = database.query(sql.replace("0", ":least"), { least: 0 });
    expect(await readAll(query, wanted("tsv"))).toBe("v\n\n\\N\nx\n");
  });

  test("what a role may not read is not listed, and refused: 403", async () => {
    await using guest = postgres(server.url.replace("tester", "guest"));
    expect((await guest.tables(signal)).map(({ name }) => name)).toEqual(["t"]);
    await expect(readAll(guest.query("SELECT * FROM secret"))).rejects.toMatchObject({
      code: "ERR_QUERY",
      status: 403,
      databaseCode: "42501",
    });
    await expect(readAll(guest.table("secret"))).rejects.toMatchObject({ status: 404 });
  });

  test.each([
    "COPY t TO STDOUT",
    "SET transaction_read_only = off",
    "EXPLAIN SELECT 1",
    "SHOW TimeZone",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT lo_create(0)",
    "SELECT nextval('s')",
    "SELECT * FROM t FOR UPDATE",
    "SELECT pg_advisory_xact_lock(1); DELETE FROM t",
    "DO $$ BEGIN DELETE FROM t; END $$",
  ])("%s does no harm", async (sql) => {
    await readAll(database.query(sql)).catch((error: unknown) => expect(error).toMatchObject({ code: "ERR_QUERY" }));
    expect(await readAll(database.query("SELECT count(*) AS n FROM t"))).toBe('"n"\r\n2\r\n');
  });

  test("the place of a mistake is told in the statement as it was given", async () => {
    const sql = "SELECT '😊', :a::int,\n missing FROM t";
    const rows = database.query(sql, { a: 1 }).open(wanted(), signal);
    await expect(rows).rejects.toMatchObject({
      // An emoji is one character, and two units.
      position: sql.indexOf("missing"),
      databaseCode: "42703",
    });
  });

  test("a query that fails before its first row is told as a mistake, one that takes too long as that", async () => {
    await expect(readAll(database.query("SELECT 1 / (id - 1) FROM t"))).rejects.toMatchObject({
      code: "ERR_QUERY",
      status: 400,
      databaseCode: "22012",
    });
    await using impatient = postgres(server.url, { statementTimeoutMs: 100 });
    await expect(readAll(impatient.query("SELECT pg_sleep(10)"))).rejects.toMatchObject({
      code: "ERR_QUERY",
      status: 504,
    });
    expect(await readAll(impatient.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
  });

  test("an export is one state of the database, though others write", async () => {
    await server.admin.query("CREATE TABLE live AS SELECT i, 'old' AS a FROM generate_series(1, 300000) i");
    const rows = await database.table("live").open(wanted(), signal);
    const first = Buffer.from((await rows.pull())!).toString() + Buffer.from((await rows.pull())!).toString();
    await server.admin.query("UPDATE live SET a = 'new'");
    const text = first + (await drain(rows));
    expect(text.match(/old/gu)).toHaveLength(300_000);
    expect(rows.rows).toBe(300_000);
  });

  test("a pool that is handed in is used, and stays", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 2 });
    pool.on("error", () => {});
    const shared = postgres(pool);
    expect(await readAll(shared.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    const rows = await shared.query("SELECT * FROM generate_series(1, 5000000)").open(wanted(), signal);
    await rows.pull();
    await shared.destroy();
    const { rows: found } = await pool.query(
      "SELECT current_setting('transaction_read_only') AS r, current_setting('TimeZone') AS z",
    );
    expect(found[0]).toMatchObject({ r: "off" });
    await pool.end();
  });

  test("connections come from elsewhere when there are none left: 503", async () => {
    const others = Array.from(
      { length: 20 },
      () => new pg.Client({ connectionString: server.url.replace("tester", "guest") }),
    );
    const connected = await Promise.allSettled(others.map((client) => client.connect()));
    expect(connected.some(({ status }) => status === "rejected")).toBe(true);
    await using late = postgres(server.url.replace("tester", "guest"));
    await expect(readAll(late.query("SELECT 1"))).rejects.toMatchObject({ name: "HttpError", status: 503 });
    await Promise.allSettled(others.map((client) => client.end()));
  });

  test("a server that is not there is busy, and says no password", async () => {
    await using missing = postgres("postgres://someone:geheim@127.0.0.1:1/none");
    const error = await readAll(missing.query("SELECT 1")).catch((failure: unknown) => failure as Error);
    expect(error).toMatchObject({ name: "HttpError", status: 503, headers: { "Retry-After": "1" } });
    expect(String(error)).not.toContain("geheim");
  });

  test("a backend that is ended fails its query, and one that was idle nobody's", async () => {
    const rows = await database
      .query("SELECT i, repeat('x', 10000), pg_sleep(0.01) FROM generate_series(1, 10000) i")
      .open(wanted(), signal);
    const reading = drain(rows);
    reading.catch(() => {});
    await until(() => rows.rows > 3, "some rows");
    await server.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'",
    );
    await expect(reading).rejects.toThrow();
    expect(await readAll(database.query("SELECT 1 AS a"))).toBe('"a"\r\n1\r\n');
    await server.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'",
    );
    const after = (): Promise<string> => readAll(database.query("SELECT 1 AS a"));
    // The pool may not have heard of it yet: the first query may find out.
    expect(await after().catch(after)).toBe('"a"\r\n1\r\n');
  });
});

test.skipIf(hasPostgres())("PostgreSQL is not here", () => {});

test("misuse throws where it happens", () => {
  const option = expect.objectContaining({ code: "ERR_INVALID_OPTION" }) as Error;
  expect(() => postgres("mysql://x")).toThrow(option);
  expect(() => postgres("postgres://x", { maxQueries: 0 })).toThrow(option);
});
