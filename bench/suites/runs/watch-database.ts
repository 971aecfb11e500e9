/** How long a database is held, by what it says itself. */
import { readFileSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { tablePath } from "../rows/table.ts";

/** A look costs the database's machine some tenths of a millisecond. */
const LOOK_MS = 5;

interface Held {
  /** From the first transaction that was seen until there was none any more. */
  heldMs: number;
  /** How many there were. */
  transactions: number;
}

/** Ends the watch, and says what was seen. */
export type StopWatch = () => Promise<Held>;

/** @param look - names the transactions that there are now */
function watch(look: () => readonly string[] | Promise<readonly string[]>): StopWatch {
  const seen = new Set<string>();
  let firstAt: number | undefined;
  let lastAt = 0;
  const stopping = new AbortController();
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      const now = await look();
      if (now.length > 0) {
        lastAt = performance.now();
        firstAt ??= lastAt;
      }
      for (const name of now) seen.add(name);
      await wait(LOOK_MS);
    }
  })();
  // Who stops it is told.
  looking.catch(() => {});
  return async () => {
    stopping.abort();
    await looking;
    if (firstAt === undefined) throw new Error("no transaction was seen");
    return { heldMs: lastAt - firstAt, transactions: seen.size };
  };
}

/** The statement that ends a transaction of Sluice's has a second one, which is none of a query. */
const TRANSACTIONS = `
  SELECT pid || ' since ' || xact_start FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    AND query NOT LIKE 'ROLLBACK%'`;

/** Every transaction of others. */
export async function watchPostgres(): Promise<StopWatch> {
  const client = new pg.Client({ connectionString: process.env["BENCH_POSTGRES"] });
  await client.connect();
  const stop = watch(async () => {
    const { rows } = await client.query<[string]>({ text: TRANSACTIONS, rowMode: "array" });
    return rows.map(([name]) => name);
  });
  return async () => {
    try {
      return await stop();
    } finally {
      await client.end();
    }
  };
}

/** Every process that has SQLite's file locked: it holds that lock as long as its transaction is open. */
export async function watchSqlite(): Promise<StopWatch> {
  // "1: POSIX  ADVISORY  READ 5660 fe:00:2147840 1073741826 1073742335"
  const lock = new RegExp(`(\\d+) [\\da-f]+:[\\da-f]+:${statSync(tablePath()).ino} `, "gu");
  return watch(() => [...readFileSync("/proc/locks", "latin1").matchAll(lock)].map(([, pid = ""]) => pid));
}
