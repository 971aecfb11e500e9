import type { Summary } from "./statistics.ts";
import type { RowResult } from "./run-workload.ts";
import { CLIENT_CORES, SERVER_CORES } from "./measure.ts";
import type { Metric, Workload } from "./types.ts";

const BUSY_CORES = 0.85;

/** Three significant digits, more for what is a thousand and above. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function formatSummary(summary: Summary | undefined, baseline: Summary | undefined): string {
  if (summary === undefined) return "–";
  const { median, min, max, runs } = summary;
  const spread = runs > 1 ? ` (${formatNumber(min)}–${formatNumber(max)})` : "";
  const factor = median / (baseline?.median ?? 0);
  const ratio = Number.isFinite(factor) ? ` ${factor.toFixed(2)}×` : "";
  return formatNumber(median) + spread + ratio;
}

/** Which side was at its limit: what a run could at best have shown. */
function limitOf({ summaries }: RowResult): string {
  const server = summaries.get(SERVER_CORES.name)?.median ?? 0;
  const client = summaries.get(CLIENT_CORES.name)?.median ?? 0;
  const who = client >= BUSY_CORES && client > server ? "client" : server >= BUSY_CORES ? "server" : "neither";
  return `${who} (${server.toFixed(2)}/${client.toFixed(2)})`;
}

function formatTable(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One workload's table: medians (min–max), ratios to the baseline, failures. */
export function formatWorkload(workload: Workload, results: RowResult[]): string {
  const limits = [SERVER_CORES.name, CLIENT_CORES.name];
  const metrics = workload.metrics.filter(({ name }) => !limits.includes(name));
  const baseline = results.find(({ row }) => row.server === workload.baseline);
  const header = ["", ...metrics.map(titleOf), "limit (server/client cores)"];
  const lines = results
    .filter(({ summaries }) => summaries.size > 0)
    .map((result) => [
      result.row.server,
      ...metrics.map(({ name }) => formatSummary(result.summaries.get(name), baseline?.summaries.get(name))),
      limitOf(result),
    ]);
  const failures = results.flatMap(({ row, failure }) => (failure ? [`${row.server} failed, ${failure}`] : []));
  const about = `${workload.name}: ${workload.title}; × is to ${workload.baseline}`;
  return [about, formatTable([header, ...lines]), ...failures].join("\n");
}

function titleOf({ name, unit, better }: Metric): string {
  return `${name}, ${unit} ${better === "lower" ? "↓" : "↑"}`;
}

export interface ReportRecord extends Summary {
  workload: string;
  server: string;
  metric: string;
  unit: string;
}

/** The same numbers for machines: what `--json` writes. */
export function toRecords(workload: Workload, results: RowResult[]): ReportRecord[] {
  return results.flatMap(({ row, summaries }) =>
    workload.metrics.flatMap(({ name, unit }) => {
      const summary = summaries.get(name);
      return summary ? [{ workload: workload.name, server: row.server, metric: name, unit, ...summary }] : [];
    }),
  );
}
