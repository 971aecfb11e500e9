import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ValueSource, openSource } from "../../src/core/source.ts";
import { turns } from "../helpers/pump-rig.ts";
import { watchReports } from "../helpers/reports.ts";

const reports = watchReports();
const origin = { stack: "Error\n    at handler (app.ts:12:3)" };
const options = { origin, leakReportMs: 1000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const open = (source: ValueSource<string>): ReturnType<typeof openSource> =>
  openSource(source, (value) => value, options);

/** A generator that notes in `log` that it was closed. */
async function* closing(log: string[], wait: Promise<unknown> = Promise.resolve()): AsyncGenerator<string> {
  try {
    for (;;) {
      yield "a";
      await wait;
    }
  } finally {
    log.push("closed");
  }
}

describe("cancelling a source", () => {
  it("closes a generator that is at a yield", async () => {
    const log: string[] = [];
    const puller = open(closing(log));
    await puller.pull();
    puller.cancel("left");
    await turns(2);
    expect(log).toEqual(["closed"]);
  });

  it("closes a sync generator at once", () => {
    const log: string[] = [];
    const puller = open(
      (function* () {
        try {
          for (;;) yield "a";
        } finally {
          log.push("closed");
        }
      })(),
    );
    expect(puller.pull()).toBe("a");
    puller.cancel("left");
    expect(log).toEqual(["closed"]);
  });

  it("queues the closing of a generator that awaits something", async () => {
    const log: string[] = [];
    let go: () => void = () => {};
    const puller = open(closing(log, new Promise<void>((resolve) => (go = resolve))));
    await puller.pull();
    const pending = puller.pull();
    await turns(1);
    puller.cancel("left");
    await turns(2);
    expect(log).toEqual([]);
    go();
    await pending;
    await turns(2);
    expect(log).toEqual(["closed"]);
  });

  it("cancels a ReadableStream with the reason, also while a read is pending", async () => {
    const cancel = vi.fn();
    const puller = open(new ReadableStream<string>({ cancel }));
    const pending = puller.pull();
    puller.cancel("left");
    expect(cancel).toHaveBeenCalledWith("left");
    expect(await pending).toBeUndefined();
  });

  it("destroys a Node Readable at once, also while it waits for data", async () => {
    const readable = new Readable({ read() {} });
    const puller = open(readable);
    const pending = Promise.resolve(puller.pull()).catch(() => "ended");
    await turns(1);
    puller.cancel("left");
    expect(readable.destroyed).toBe(true);
    expect(await pending).not.toBe("a");
  });

  it("does not let a Node Readable that cannot be closed end the process", async () => {
    const readable = new Readable({
      read() {
        this.push("a");
      },
      destroy: (_error, done) => done(new Error("cannot be closed")),
    });
    const puller = open(readable);
    await puller.pull();
    puller.cancel("left");
    await turns(5);
    expect(readable.destroyed).toBe(true);
  });

  it("swallows what the source's cleaning up throws", async () => {
    const puller = open(
      (async function* () {
        try {
          yield "a";
        } finally {
          await Promise.reject(new Error("its own"));
        }
      })(),
    );
    await puller.pull();
    puller.cancel("left");
    await turns(3);
    expect(reports.all()).toEqual([]);
  });

  it("is content with an iterator that has no return()", async () => {
    const puller = open({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: "a" }) }),
    });
    expect(await puller.pull()).toBe("a");
    puller.cancel("left");
    await turns(1);
    expect(reports.all()).toEqual([]);
  });
});

describe("a source that outlives its reader", () => {
  it("is reported after leakReportMs, with the place it was made", async () => {
    const puller = open(closing([], new Promise(() => {})));
    await puller.pull();
    void puller.pull();
    puller.cancel("left");
    await turns(1);
    vi.advanceTimersByTime(999);
    expect(reports.all()).toEqual([]);
    vi.advanceTimersByTime(1);
    const [report] = reports.take("SOURCE_OUTLIVED_READER");
    expect(report?.message).toContain("1000 ms");
    expect(report?.message).toContain("app.ts:12:3");
    vi.advanceTimersByTime(10_000);
    expect(reports.all()).toEqual([]);
  });

  it("is reported also where it has no return()", async () => {
    const puller = open({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) });
    void puller.pull();
    puller.cancel("left");
    vi.advanceTimersByTime(1000);
    expect(reports.take("SOURCE_OUTLIVED_READER")).toHaveLength(1);
  });

  it("is not reported where it ends in time", async () => {
    let fail: (error: Error) => void = () => {};
    const puller = open({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>((_resolve, reject) => (fail = reject)) }),
    });
    const pending = Promise.resolve(puller.pull()).catch(() => "failed");
    puller.cancel("left");
    vi.advanceTimersByTime(500);
    fail(new Error("stopped"));
    await pending;
    vi.advanceTimersByTime(10_000);
    expect(reports.all()).toEqual([]);
  });

  it("is never reported with leakReportMs of Infinity", async () => {
    const puller = openSource(closing([], new Promise(() => {})), (value) => value, { origin, leakReportMs: Infinity });
    await puller.pull();
    void puller.pull();
    puller.cancel("left");
    vi.advanceTimersByTime(100_000);
    expect(reports.all()).toEqual([]);
  });
});
