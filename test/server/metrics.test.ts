import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import type { RowsOutcome } from "../../src/index.ts";
import type { SendResult } from "../../src/node/index.ts";
import { sqlite } from "../../src/rows/databases/sqlite.ts";
import { resolveRowFormatOptions } from "../../src/rows/row-formats.ts";
import { Metrics } from "../../src/server/metrics.ts";
import { makeDatabase } from "./support.ts";

const folder = temporaryFolder();

const outcome = (more: Partial<RowsOutcome>): RowsOutcome => ({
  outcome: "completed",
  bytes: 10,
  durationMs: 5,
  firstByteMs: 1,
  format: "csv",
  rows: 3,
  truncated: false,
  heldMs: 40,
  ...more,
});

async function samples(metrics: Metrics): Promise<Record<string, string>> {
  const text = await (await metrics.response()).text();
  const lines = text.split("\n").filter((line) => line.startsWith("sluice_"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
  );
}

test("exports are counted by format and by how they ended, with their rows, bytes and time", async () => {
  const metrics = new Metrics();
  metrics.exported(outcome({}));
  metrics.exported(outcome({ truncated: true, heldMs: 400 }));
  metrics.exported(outcome({ format: "json", outcome: "aborted" }));
  metrics.exported(outcome({ outcome: "discarded", rows: 0, bytes: 0 }));
  metrics.refused("csv");
  metrics.answered({ outcome: "stalled" } as SendResult);
  metrics.answered({ outcome: "completed" } as SendResult);
  expect(await samples(metrics)).toMatchObject({
    'sluice_exports_total{format="csv",outcome="complete"}': "1",
    'sluice_exports_total{format="csv",outcome="truncated"}': "1",
    'sluice_exports_total{format="json",outcome="aborted"}': "1",
    'sluice_exports_total{format="csv",outcome="refused"}': "1",
    'sluice_export_rows_total{format="csv"}': "6",
    'sluice_export_rows_total{format="json"}': "3",
    'sluice_export_bytes_total{format="csv"}': "20",
    'sluice_export_hold_seconds_bucket{le="0.05"}': "2",
    sluice_export_hold_seconds_count: "3",
    sluice_stalls_total: "1",
  });
});

test("a database is asked when the metrics are", async () => {
  const metrics = new Metrics();
  await using database = sqlite(
    makeDatabase(join(folder.path, "app.db"), "CREATE TABLE a (x); INSERT INTO a VALUES (1)"),
  );
  metrics.watch(database);
  const controller = new AbortController();
  const query = database.query(
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
  );
  const format = { name: "csv", options: resolveRowFormatOptions() } as const;
  const rows = await query.open({ format, maxRows: Infinity, caller: undefined }, controller.signal);
  expect(await samples(metrics)).toMatchObject({
    sluice_database_running_queries: "1",
    'sluice_database_cancels_total{how="killed"}': "0",
    sluice_database_wal_bytes: "0",
  });
  // It runs, and nothing but the end of its process stops it.
  void Promise.resolve(rows.pull()).catch(() => {});
  rows.cancel(undefined);
  expect(await samples(metrics)).toMatchObject({
    sluice_database_running_queries: "0",
    'sluice_database_cancels_total{how="killed"}': "1",
  });
  expect(await samples(metrics)).toMatchObject({ 'sluice_database_cancels_total{how="killed"}': "1" });
});

test("the process tells of itself, its event loop included", async () => {
  const response = await new Metrics().response();
  expect(response.headers.get("Content-Type")).toMatch(/^text\/plain; version=0\.0\.4/u);
  const text = await response.text();
  expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
  expect(text).toContain("process_resident_memory_bytes");
});
