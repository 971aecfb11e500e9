import { formatNumber } from "./report.ts";
import type { RowResult } from "./run-workload.ts";
import type { Metric, Target, Workload } from "./types.ts";

function medianOf(results: RowResult[], server: string, metric: string): number | undefined {
  return results.find(({ row }) => row.server === server)?.summaries.get(metric)?.median;
}

function bestOf(
  results: RowResult[],
  servers: string[],
  metric: Metric,
): { server: string; value: number } | undefined {
  const sign = metric.better === "lower" ? 1 : -1;
  return servers
    .flatMap((server) => ({ server, value: medianOf(results, server, metric.name) ?? Number.NaN }))
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => sign * (a.value - b.value))[0];
}

/** One line for each of the workload's targets: what was reached, and whether that is enough. */
export function formatTargets(workload: Workload, results: RowResult[]): string[] {
  return workload.targets.map((target) => {
    const metric = workload.metrics.find(({ name }) => name === target.metric);
    const value = medianOf(results, target.server, target.metric);
    if (metric === undefined || value === undefined) return `target  ${target.server} ${target.metric}: not measured`;
    return formatTarget(target, metric, value, results);
  });
}

function formatTarget(target: Target, metric: Metric, value: number, results: RowResult[]): string {
  const what = `target  ${target.server} ${metric.name}`;
  const sign = metric.better === "lower" ? "≤" : "≥";
  const meets = (limit: number) => (metric.better === "lower" ? value <= limit : value >= limit);
  const verdict = (met: boolean) => (met ? "met" : "MISSED");
  if ("limit" in target) {
    const base = target.over === undefined ? 0 : medianOf(results, target.over, metric.name);
    if (base === undefined) return `${what}: ${target.over} not measured`;
    const over = target.over === undefined ? "" : ` over ${target.over}`;
    const limit = `${formatNumber(target.limit)} ${metric.unit}${over}`;
    const reached = `${formatNumber(value - base)} ${metric.unit}`;
    return `${what} ${sign} ${limit}: ${reached}, ${verdict(meets(base + target.limit))}`;
  }
  const best = bestOf(results, target.ofBest, metric);
  if (best === undefined)
    return `${what} ${sign} ${target.factor} × ${target.ofBest.join(", ")}: none of these measured`;
  const ratio = (value / best.value).toFixed(2);
  const others = target.ofBest.length > 1 ? `the best of ${target.ofBest.join(", ")}` : target.ofBest.join();
  const met = verdict(meets(target.factor * best.value));
  return `${what} ${sign} ${target.factor} × ${others}: ${ratio} × ${best.server}, ${met}`;
}
