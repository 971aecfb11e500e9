import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { RowsOutcome } from "../index.ts";
import type { SendResult } from "../node/index.ts";
import type { RowDatabase } from "../rows/row-query.ts";
import type { RowFormatName } from "../rows/row-format.ts";

/** What a database tells of itself, as far as it does. */
interface DatabaseStats {
  /** Queries that run now. */
  readonly running?: number;
  /** Queries that were stopped before their end, by killing what ran them, */
  readonly killed?: number;
  /** or in several steps, by their names. */
  readonly cancels?: Readonly<Record<string, number>>;
  /** What a write-ahead log has grown to, in bytes. */
  readonly walBytes?: number;
}

const HOLD_BUCKETS_SECONDS = [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600];

/** What is counted, for Prometheus (text format 0.0.4). */
export class Metrics {
  readonly #registry = new Registry();
  readonly #exports = new Counter({
    name: "sluice_exports_total",
    help: "Exports that have ended, by how: complete, truncated, aborted, failed, stalled, drained, or refused with an error's status",
    labelNames: ["format", "outcome"],
    registers: [this.#registry],
  });
  readonly #rows = new Counter({
    name: "sluice_export_rows_total",
    help: "Rows that were read for exports",
    labelNames: ["format"],
    registers: [this.#registry],
  });
  readonly #bytes = new Counter({
    name: "sluice_export_bytes_total",
    help: "Bytes of exports as sent, after compression",
    labelNames: ["format"],
    registers: [this.#registry],
  });
  readonly #held = new Histogram({
    name: "sluice_export_hold_seconds",
    help: "How long an export held the database",
    buckets: HOLD_BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  readonly #stalls = new Counter({
    name: "sluice_stalls_total",
    help: "Answers that were cut because their reader took nothing for too long",
    registers: [this.#registry],
  });
  /** Asks the database how it is. */
  #update: (() => void) | undefined;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts the queries of a database, where it tells of them. */
  watch(database: RowDatabase): void {
    const { stats } = database as { stats?: () => DatabaseStats };
    if (stats === undefined) return;
    const read = (): DatabaseStats => stats.call(database);
    const registers = [this.#registry];
    const running = new Gauge({ name: "sluice_database_running_queries", help: "Queries that run now", registers });
    const cancels = new Counter({
      name: "sluice_database_cancels_total",
      help: "Queries that were stopped before their end, by how",
      labelNames: ["how"],
      registers,
    });
    const wal =
      read().walBytes === undefined
        ? undefined
        : new Gauge({
            name: "sluice_database_wal_bytes",
            help: "The write-ahead log, which cannot be reset while an export reads an older state",
            registers,
          });
    this.#update = () => {
      const { running: now = 0, killed, cancels: steps, walBytes = 0 } = read();
      running.set(now);
      // It counts by itself.
      cancels.reset();
      for (const [how, count] of Object.entries(steps ?? { killed: killed ?? 0 })) cancels.inc({ how }, count);
      wal?.set(walBytes);
    };
  }

  /** An export has ended. */
  exported({ format, outcome, rows, truncated, bytes, heldMs }: RowsOutcome): void {
    // HEAD, and a reader that left before the answer: nothing was sent.
    if (outcome === "discarded") return;
    const how = outcome === "completed" ? (truncated ? "truncated" : "complete") : outcome;
    this.#exports.inc({ format, outcome: how });
    this.#rows.inc({ format }, rows);
    this.#bytes.inc({ format }, bytes);
    this.#held.observe(heldMs / 1000);
  }

  /** An export was answered with an error. */
  refused(format: RowFormatName): void {
    this.#exports.inc({ format, outcome: "refused" });
  }

  /** Any answer has ended. */
  answered({ outcome }: SendResult): void {
    if (outcome === "stalled") this.#stalls.inc();
  }

  async response(): Promise<Response> {
    this.#update?.();
    return new Response(await this.#registry.metrics(), {
      headers: { "Content-Type": this.#registry.contentType, "Cache-Control": "no-store" },
    });
  }
}
