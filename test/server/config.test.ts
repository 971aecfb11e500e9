import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Config, readConfig } from "../../src/server/config/read-config.ts";
import { type GivenSettings, resolveSettings } from "../../src/server/config/settings.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
let count = 0;

function read(content: unknown): Promise<Config> {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return readConfig(folder.write(`config-${count++}.json`, text));
}

/** What is said of a file, without its path. */
async function complaint(content: unknown): Promise<string> {
  const error = await read(content).then(
    () => new Error("The file was taken"),
    (reason: Error) => reason,
  );
  return error.message.replaceAll(/\S*config-\d+\.json/gu, "FILE");
}

const query = (entry: object): object => ({ queries: { q: entry } });

describe("readConfig()", () => {
  test("reads what there is, with absolute paths and queries that fit their parameters", async () => {
    const config = await read({
      database: "sqlite:data/app.db",
      port: 0,
      host: "::1",
      files: "public",
      allowSql: true,
      maxRows: 5,
      tables: ["orders"],
      queries: {
        "orders-since": {
          sql: "SELECT * FROM orders WHERE day >= :day AND state = :state -- :not a parameter",
          params: { day: "date", state: { type: "text", default: "open", enum: ["open", "paid"] } },
          description: "Orders",
          formats: ["csv", "parquet"],
          maxRows: 7,
        },
      },
      limits: { maxQueries: 2, maxWaitMs: 100 },
    });
    expect(config).toEqual({
      database: `sqlite:${join(folder.path, "data/app.db")}`,
      port: 0,
      host: "::1",
      files: join(folder.path, "public"),
      allowSql: true,
      maxRows: 5,
      tables: ["orders"],
      limits: { maxQueries: 2, maxWaitMs: 100 },
      queries: [
        {
          name: "orders-since",
          sql: expect.stringContaining("SELECT") as string,
          description: "Orders",
          formats: ["csv", "parquet"],
          maxRows: 7,
          parameters: new Map([
            ["day", { type: "date", default: undefined, description: undefined, choices: undefined }],
            ["state", { type: "text", default: "open", description: undefined, choices: ["open", "paid"] }],
          ]),
        },
      ],
    });
  });

  test("takes absolute paths and PostgreSQL's URLs as they are, an empty object, and a byte order mark", async () => {
    expect((await read({ database: "duckdb:/data/a.db", files: "/srv" })).files).toBe("/srv");
    expect((await read({ database: "sqlite:///data/a.db" })).database).toBe("sqlite:/data/a.db");
    expect((await read({ database: "postgresql://u:p@host/db" })).database).toBe("postgres://u:p@host/db");
    expect(await read("\uFEFF{}")).toEqual({ queries: [] });
  });

  test.each<[content: unknown, message: string]>([
    ["{", "FILE is not JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
    [
      "[]",
      "In FILE, the file is an object of database, port, host, files, allowSql, maxRows, spool, log, resumable, tables, queries, limits; got []",
    ],
    [
      { prot: 1 },
      'In FILE, the file has no "prot": there are database, port, host, files, allowSql, maxRows, spool, log, resumable, tables, queries, limits',
    ],
    [{ port: "8000" }, 'In FILE, port is a port, an integer from 0 to 65535; got "8000"'],
    [{ port: 65_536 }, "In FILE, port is a port, an integer from 0 to 65535; got 65536"],
    [{ host: 1 }, "In FILE, host is an address of this machine; got 1"],
    [{ files: [] }, "In FILE, files is a folder's path; got []"],
    [{ allowSql: "yes" }, 'In FILE, allowSql is true or false; got "yes"'],
    [{ maxRows: 0 }, "In FILE, maxRows is a number of rows, an integer ≥ 1; got 0"],
    [{ maxRows: 1.5 }, "In FILE, maxRows is a number of rows, an integer ≥ 1; got 1.5"],
    [
      { tables: "orders" },
      'In FILE, tables is true, false, or a list of the tables that may be exported; got "orders"',
    ],
    [{ tables: [1] }, "In FILE, tables is true, false, or a list of the tables that may be exported; got [1]"],
    [{ limits: { maxQueries: 0 } }, "In FILE, limits.maxQueries is an integer ≥ 1; got 0"],
    [{ limits: { maxWaitMs: -1 } }, "In FILE, limits.maxWaitMs is a number of ms ≥ 0; got -1"],
    [
      { limits: { maxqueries: 1 } },
      'In FILE, limits has no "maxqueries": there are maxQueries, maxQueriesPerCaller, maxWaitMs, statementTimeoutMs, firstRowTimeoutMs, maxSnapshotAgeMs, stallTimeoutMs, maxRuns, maxRunsPerCaller, spoolMaxBytes, spoolTtlMs, maxMessageBytes',
    ],
    [{ database: 5 }, "In FILE, database is a URL, as in sqlite:app.db; got 5"],
    [
      { database: "app.db" },
      "In FILE, database is sqlite:PATH, postgres://HOST/DATABASE or duckdb:PATH; got none of these",
    ],
    [
      { database: "mysql://u:secret@h/d" },
      "In FILE, database is sqlite:PATH, postgres://HOST/DATABASE or duckdb:PATH; got mysql:…",
    ],
    [{ database: "sqlite::memory:" }, "In FILE, database is sqlite:PATH, with the path of a file"],
    [{ database: "sqlite://app.db" }, "In FILE, database is sqlite:PATH, without slashes before the path"],
    [{ database: "postgres:app" }, "In FILE, database is as in postgres://user@host:5432/database"],
    [{ queries: [] }, "In FILE, queries is an object of queries by their names; got []"],
    [
      { queries: { q: "SELECT 1" } },
      'In FILE, queries.q is an object of sql, params, description, formats, maxRows, resumable; got "SELECT 1"',
    ],
    [query({}), "In FILE, queries.q.sql is missing: it is a statement, as a text"],
    [query({ sql: "" }), 'In FILE, queries.q.sql is a statement, as a text; got ""'],
    [
      query({ sql: "SELECT 1", param: {} }),
      'In FILE, queries.q has no "param": there are sql, params, description, formats, maxRows, resumable',
    ],
    [
      query({ sql: "SELECT 1", formats: ["xml"] }),
      'In FILE, queries.q.formats.0 is one of csv, tsv, ndjson, json, parquet; got "xml"',
    ],
    [query({ sql: "SELECT 1", formats: [] }), "In FILE, queries.q.formats is a list of at least one format; got []"],
    [
      query({ sql: "SELECT :a", params: { a: "string" } }),
      'In FILE, queries.q.params.a is a type (boolean, date, integer, number, text, timestamp), or an object with one; got "string"',
    ],
    [
      query({ sql: "SELECT :a", params: { a: {} } }),
      "In FILE, queries.q.params.a.type is missing: it is one of boolean, date, integer, number, text, timestamp",
    ],
    [
      query({ sql: "SELECT :a", params: { a: { type: "text", required: true } } }),
      'In FILE, queries.q.params.a has no "required": there are type, default, description, enum',
    ],
    [
      query({ sql: "SELECT :a", params: { a: { type: "date", default: "2026-02-30" } } }),
      'In FILE, queries.q.params.a.default is a date, as in 2026-01-31; got "2026-02-30"',
    ],
    [
      query({ sql: "SELECT :a", params: { a: { type: "integer", enum: [1, "two"] } } }),
      'In FILE, queries.q.params.a.enum.1 is an integer of 64 bits; got "two"',
    ],
    [
      query({ sql: "SELECT :a", params: { a: { type: "text", enum: ["x"], default: "y" } } }),
      'In FILE, queries.q.params.a.default is one of x; got "y"',
    ],
    [
      { queries: { "a/b": { sql: "SELECT 1" } } },
      "In FILE, queries.a/b has a name that URLs cannot have: letters, digits, _, - and ., without an extension of a format",
    ],
    [
      { queries: { "q.csv": { sql: "SELECT 1" } } },
      "In FILE, queries.q.csv has a name that URLs cannot have: letters, digits, _, - and ., without an extension of a format",
    ],
  ])("refuses %j", async (content, message) => {
    expect(await complaint(content)).toBe(message);
  });

  test("refuses a parameter with a name of its own, and says which those are", async () => {
    const message = await complaint(query({ sql: "SELECT :limit", params: { limit: "integer" } }));
    expect(message).toMatch(
      /^In FILE, queries\.q\.params\.limit has a name that says how rows are written \(.*format.*\): choose another$/u,
    );
  });

  test("says everything that is wrong at once", async () => {
    expect(await complaint({ port: -1, host: 1 })).toBe(
      "In FILE,\n  - port is a port, an integer from 0 to 65535; got -1\n  - host is an address of this machine; got 1",
    );
  });

  test("says that there is no file", async () => {
    await expect(readConfig(join(folder.path, "none.json"))).rejects.toThrow(
      /^The configuration cannot be read: ENOENT/u,
    );
  });
});

describe("resolveSettings()", () => {
  const defaults: GivenSettings = { port: 8000, host: "127.0.0.1", data: "data" };
  const file: Config = {
    port: 1,
    host: "file",
    files: "/file",
    database: "sqlite:/file.db",
    allowSql: true,
    maxRows: 1,
    queries: [],
  };

  test("what was given wins over the file", () => {
    const given = {
      ...defaults,
      port: 2,
      host: "given",
      files: "given",
      database: "sqlite:/given.db",
      allowSql: false,
      maxRows: 2,
    };
    expect(resolveSettings(given, () => false, file)).toMatchObject(given);
  });

  test("the file wins over defaults", () => {
    const { queries: _, ...expected } = file;
    expect(resolveSettings(defaults, () => true, file)).toMatchObject(expected);
  });

  test("one by one", () => {
    const given = { ...defaults, host: "given" };
    const settings = resolveSettings(given, (name) => name !== "host", file);
    expect([settings.port, settings.host]).toEqual([1, "given"]);
  });

  test("without a file there are defaults", () => {
    expect(resolveSettings(defaults, () => true, undefined)).toEqual({
      port: 8000,
      host: "127.0.0.1",
      files: undefined,
      database: undefined,
      allowSql: false,
      maxRows: undefined,
      data: "data",
      spool: undefined,
      log: undefined,
      resumable: false,
      tables: true,
      queries: [],
      limits: {},
    });
  });

  test("a path from the command line is from the current directory; what is no URL is named after its flag", () => {
    const settings = resolveSettings({ ...defaults, database: "sqlite:app.db" }, () => false, undefined);
    expect(settings.database).toBe(`sqlite:${join(process.cwd(), "app.db")}`);
    expect(() => resolveSettings({ ...defaults, database: "app.db" }, () => false, undefined)).toThrow(
      "--database is sqlite:PATH, postgres://HOST/DATABASE or duckdb:PATH; got none of these",
    );
  });
});
