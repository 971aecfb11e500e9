import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { QueryError, type RowStream } from "../../src/index.ts";
import { ExportRows, type ExportLimits } from "../../src/rows/export-rows.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LIMITS: ExportLimits = {
  firstRowTimeoutMs: 1_000,
  maxSnapshotAgeMs: 5_000,
  strict: false,
  toHttpError: (error) => new Error("told as a status", { cause: error }),
};

/** A stream that gives what it is told to, when it is told to. */
class Controlled implements RowStream {
  readonly columns = [];
  rows = 0;
  truncated = false;
  cancelled: unknown[] = [];
  settle: { resolve(item: string | undefined): void; reject(error: Error): void } | undefined;

  pull(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  cancel(reason: unknown): void {
    this.cancelled.push(reason);
  }
}

test("a query without a row in time is stopped, and answered with 504", async () => {
  const inner = new Controlled();
  const rows = new ExportRows(inner, LIMITS);
  const pull = rows.pull();
  vi.advanceTimersByTime(999);
  expect(inner.cancelled).toEqual([]);
  vi.advanceTimersByTime(1);
  await expect(pull).rejects.toMatchObject({ name: "HttpError", status: 504 });
  expect(inner.cancelled).toHaveLength(1);
  rows.cancel("again");
  expect(inner.cancelled).toHaveLength(1);
});

test("a snapshot that is too old is let go at once, whether its reader pulls or sleeps", async () => {
  const inner = new Controlled();
  const rows = new ExportRows(inner, LIMITS);
  const first = rows.pull();
  inner.settle!.resolve("row");
  expect(await first).toBe("row");
  // The reader sleeps: nobody pulls.
  vi.advanceTimersByTime(5_000);
  expect(inner.cancelled).toHaveLength(1);
  expect(rows.heldMs).toBeGreaterThan(4_000);
  expect(() => rows.pull()).toThrow(expect.objectContaining({ code: "ERR_SNAPSHOT_AGE" }) as Error);
});

test("no clock runs when the rows have ended, failed, or been cancelled", async () => {
  for (const end of ["end", "failure", "cancel"]) {
    const inner = new Controlled();
    const rows = new ExportRows(inner, LIMITS);
    const first = rows.pull();
    inner.settle!.resolve("row");
    await first;
    const second = rows.pull() as Promise<unknown>;
    if (end === "end") inner.settle!.resolve(undefined);
    if (end === "failure") inner.settle!.reject(new Error("broken"));
    if (end === "cancel") rows.cancel("left");
    else await second.catch(() => {});
    expect(vi.getTimerCount()).toBe(0);
    expect(inner.cancelled).toEqual(end === "cancel" ? ["left"] : []);
  }
});

test("an error before the first row is told as a status, one after it as it is", async () => {
  const error = new QueryError("wrong");
  const before = new Controlled();
  const early = new ExportRows(before, LIMITS).pull() as Promise<unknown>;
  before.settle!.reject(error);
  await expect(early).rejects.toMatchObject({ message: "told as a status", cause: error });
  const after = new Controlled();
  const rows = new ExportRows(after, LIMITS);
  const first = rows.pull();
  after.settle!.resolve("row");
  await first;
  const late = rows.pull() as Promise<unknown>;
  after.settle!.reject(error);
  await expect(late).rejects.toBe(error);
});

test("rows that were cut fail an export that is strict", async () => {
  const inner = new Controlled();
  inner.truncated = true;
  const rows = new ExportRows(inner, { ...LIMITS, strict: true });
  const pull = rows.pull() as Promise<unknown>;
  inner.settle!.resolve(undefined);
  await expect(pull).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
});
