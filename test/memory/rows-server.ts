/** A server of exports in a process of its own, whose memory is that of all its processes. */
import { readFileSync, readdirSync } from "node:fs";
import { expect } from "vitest";
import { type Child, startChild } from "../faults/support/child.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until } from "../faults/support/deadline.ts";

/** Over the idle process, with all that belongs to it. */
export const MOST_GROWTH_BYTES = 64 * 2 ** 20;
/**
 * When a reader has left: a query of PostgreSQL is told to stop, and what it still sends is thrown away, which may be half a
 * second's worth. What was thrown away waits for a collection.
 */
export const MOST_LEAVING_BYTES = 96 * 2 ** 20;
/** "The query is gone a second after its reader has left." */
const WITHIN_MS = 1_000;
const SAMPLE_MS = 50;

export interface RowsServer extends AsyncDisposable {
  readonly child: Child;
  /** Of the server after it has sent an export, in bytes. */
  readonly idleBytes: number;
}

/** @param smallSql - for a first export: what is made once is there then, code, processes and connections */
export async function startRowsServer(
  argument: { kind: "sqlite" | "postgres"; where: string },
  smallSql: string,
): Promise<RowsServer> {
  const file = new URL("./servers/rows-exports.ts", import.meta.url);
  const child = await startChild(file, { argument });
  for (const format of ["csv", "ndjson"]) await (await fetch(`${child.url}${target(format, smallSql)}`)).text();
  await until(async () => (await child.ask("running")) === 0, "the end of the first exports");
  await child.ask("memory");
  return { child, idleBytes: treeBytes(child.process.pid!), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

export function target(format: string, sql: string, text?: string): string {
  return `/${format}?sql=${encodeURIComponent(sql)}${text === undefined ? "" : `&text=${text}`}`;
}

/**
 * What a process and its descendants hold, in bytes: the proportional set size, in which what they share counts once. One that
 * ends meanwhile counts nothing.
 */
export function treeBytes(pid: number): number {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    const [, kilobytes] = /^Pss:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
    return Number(kilobytes ?? 0) * 1024 + children.reduce((sum, child) => sum + treeBytes(child), 0);
  } catch {
    return 0;
  }
}

/** The growth over the idle server while `during` lasts, at its most. */
export async function mostGrowth({ child, idleBytes }: RowsServer, during: () => Promise<void>): Promise<number> {
  // What others have left to be collected is not this one's.
  await child.ask("memory");
  let most = treeBytes(child.process.pid!);
  const sampling = setInterval(() => (most = Math.max(most, treeBytes(child.process.pid!))), SAMPLE_MS);
  try {
    await during();
  } finally {
    clearInterval(sampling);
  }
  return most - idleBytes;
}

/** Opens an export whose reader takes its first bytes, and then nothing; waits until its query stands still. */
export async function sleepOn({ child }: RowsServer, path: string): Promise<Connection> {
  const reader = await Connection.open(child.port, get(path), { keep: false });
  try {
    await standsStill(child, reader);
    return reader;
  } catch (error) {
    reader.reset();
    throw error;
  }
}

async function standsStill(child: Child, reader: Connection): Promise<void> {
  await reader.receives(1, 60_000);
  reader.pause();
  let rows = -1;
  let since = performance.now();
  await until(
    async () => {
      const now = await child.ask<number>("rows");
      if (now !== rows) since = performance.now();
      rows = now;
      return performance.now() - since > 700;
    },
    "a query that stands still",
    60_000,
  );
}

/** Sends a reader away, and sees that its query has gone. */
export async function leave({ child }: RowsServer, reader: Connection): Promise<void> {
  reader.reset();
  await until(async () => (await child.ask("running")) === 0, "the end of the query", WITHIN_MS);
  expect(await child.ask("active")).toBe(0);
}

/** Reads an export to its end. @returns bytes of the answer */
export async function readAll({ child }: RowsServer, path: string): Promise<number> {
  using reader = await Connection.open(child.port, get(path, { Connection: "close" }), { keep: false });
  await until(() => reader.ended !== undefined, `the end of ${path.slice(0, 60)}`, 240_000);
  expect(reader.ended).toBe("FIN");
  return reader.count;
}
