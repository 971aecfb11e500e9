/** What one writes without Sluice: a driver that streams, csv-stringify, `pipeline`. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ByteWriter, parquetWriteRows } from "hyparquet-writer";
import { stringify } from "csv-stringify";
import pg from "pg";
import QueryStream from "pg-query-stream";
import { SELECT, hostname, port, postgresUrl, sqlitePath } from "./rows-data.ts";

const database = new DatabaseSync(sqlitePath, { readOnly: true });
const pool = postgresUrl === "" ? undefined : new pg.Pool({ connectionString: postgresUrl });

function rows(limit: number): IterableIterator<Record<string, unknown>> {
  return database.prepare(`${SELECT} LIMIT ${limit}`).iterate() as IterableIterator<Record<string, unknown>>;
}

function* lines(limit: number): Generator<string> {
  for (const row of rows(limit)) yield `${JSON.stringify(row)}\n`;
}

async function sendPostgres(limit: number, response: ServerResponse): Promise<void> {
  const client = await pool!.connect();
  try {
    const sql = limit === -1 ? SELECT : `${SELECT} LIMIT ${limit}`;
    const query = new QueryStream(sql, [], { batchSize: 1000 });
    await pipeline(client.query(query), stringify({ header: true }), response);
  } finally {
    client.release();
  }
}

async function sendParquet(limit: number, response: ServerResponse): Promise<void> {
  const bytes = new ByteWriter();
  // Called after each group of rows.
  const flush = async (): Promise<void> => {
    const written = response.write(bytes.getBytes().slice());
    bytes.index = 0;
    if (!written) await once(response, "drain");
  };
  await parquetWriteRows({
    writer: Object.assign(bytes, { flush }),
    rows: rows(limit),
    rowGroupSize: 50_000,
    columns: [
      { name: "id", type: "INT32" },
      { name: "name", type: "STRING" },
      { name: "amount", type: "DOUBLE" },
      { name: "quantity", type: "INT32" },
      { name: "created_at", type: "STRING" },
      { name: "note", type: "STRING" },
    ],
  });
  response.end(bytes.getBytes());
}

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const limit = Number(searchParams.get("limit") ?? -1);
  const send: Record<string, () => Promise<void>> = {
    "/postgres.csv": () => sendPostgres(limit, response),
    "/sqlite.parquet": () => sendParquet(limit, response),
    "/sqlite.ndjson": () => pipeline(Readable.from(lines(limit)), response),
    "/sqlite.csv": () => pipeline(Readable.from(rows(limit)), stringify({ header: true }), response),
  };
  send[pathname]!().catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
}).listen(port, hostname);
