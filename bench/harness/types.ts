import type { RunningServer } from "./server.ts";
import type { Client } from "./client.ts";

/** What a workload reports of one run. Units are spelled as they are printed. */
export interface Metric {
  name: string;
  unit: string;
  better: "lower" | "higher";
}

/** One run's numbers by metric name. */
export type Measurement = Record<string, number>;

/** One line of a workload's table: a peer, asked in one way. */
export interface Row {
  /** Unique in the workload; printed and written to the JSON file. */
  server: string;
  /** Key of the peers table. */
  peer: string;
  path: string;
  /** Request header lines. */
  headers?: string[];
  /** How much of the workload's amount this peer gets, 0–1: slow peers do less and report per unit. */
  share?: number;
}

/** What one server must reach: a factor of the best of others, a limit by itself, or one beyond what another has. */
export type Target = { metric: string; server: string } & (
  | { factor: number; ofBest: string[] }
  | { limit: number; over?: string }
);

/** What a workload may use while it runs. */
export interface Bench {
  client: Client;
  quick: boolean;
}

/** One thing to measure, for several servers. */
export interface Workload {
  name: string;
  title: string;
  metrics: Metric[];
  /** The row every ratio refers to. */
  baseline: string;
  rows: Row[];
  targets: Target[];
  /** Throws unless the server answers this row rightly. Runs once, before anything is measured. */
  check(server: RunningServer, row: Row): Promise<void>;
  /** Warms the server up, then measures one run. The server was started for this run alone. */
  measure(server: RunningServer, row: Row, bench: Bench): Promise<Measurement>;
}

/** Workloads that are run together: `npm run bench -- NAME`. */
export interface Suite {
  name: string;
  workloads: Workload[];
  /** Writes what the servers read into `folder`, which they know as `BENCH_DATA`. */
  prepare(folder: string, quick: boolean): Promise<void>;
}
