/** Sluice, as its documentation shows it. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { eventStreamResponse, rowsResponse } from "sluice";
import { serve } from "sluice/node";
import { postgres } from "sluice/databases/postgres";
import { sqlite } from "sluice/databases/sqlite";
import { SELECT, hostname, port, postgresUrl, sqlitePath } from "./rows-data.ts";

const EVENT_MS = 10;
const NANOSECONDS_PER_MS = 1e6;

const lite = sqlite(sqlitePath, { warmReaders: 1 });
const server = postgresUrl === "" ? undefined : postgres(postgresUrl);

/** What the paths name. Of the last three, nothing is stored. */
const QUERIES = {
  sqlite: () => lite.query(SELECT),
  postgres: () => server!.query(SELECT),
  "sqlite-many": () =>
    lite.query(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000)
      SELECT i, 'row ' || i AS t FROM n`),
  "postgres-many": () => server!.query("SELECT i, 'row ' || i AS t FROM generate_series(1, 10000000) i"),
  "postgres-cells": () => server!.query("SELECT i, repeat('x', 200000000) AS t FROM generate_series(1, 3) i"),
};

const delay = monitorEventLoopDelay({ resolution: 1 });

/** What it was since the last time, or since the first. */
function takeDelay(): { p99: number } {
  const p99 = delay.percentile(99) / NANOSECONDS_PER_MS;
  delay.reset();
  delay.enable();
  return { p99 };
}

/** An event for each {@link EVENT_MS}, which says when it is due. */
async function* ticks({ signal }: { signal: AbortSignal }): AsyncGenerator<{ data: string }> {
  for (let due = Date.now() + EVENT_MS; !signal.aborted; due += EVENT_MS) {
    // What is late already does not wait for another turn of the event loop.
    const earlyMs = due - Date.now();
    if (earlyMs > 0) await wait(earlyMs);
    yield { data: String(due) };
  }
}

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/ticks") return eventStreamResponse(request, ticks);
  if (pathname === "/delay") return Response.json(takeDelay());
  const [, name, format] = /^\/([\w-]+)\.(csv|ndjson|parquet)$/u.exec(pathname) ?? [];
  const query = QUERIES[name as keyof typeof QUERIES];
  return rowsResponse(request, query(), { format: format as "csv" | "ndjson" | "parquet" });
}

await serve(handle, { port, hostname });
