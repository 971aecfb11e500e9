import { setTimeout as lapse } from "node:timers/promises";
import { HttpError, type ProduceSource } from "sluice";
import { describe, expect, test } from "vitest";
import { until as untilAnswered } from "../faults/support/deadline.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader, readToEnd } from "./support/event-reader.ts";
import { type Rig, overLog, startStreams } from "./support/rig.ts";

const reports = watchReports();

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A source that gives what the test says, when it says it, and what it was told by its signal. */
class Scripted {
  signal: AbortSignal | undefined;
  ran = 0;
  hasEnded = false;
  #next = Promise.withResolvers<unknown>();

  readonly source: ProduceSource = ({ signal }) => {
    this.signal = signal;
    this.ran++;
    return this.#values(signal);
  };

  give(value: unknown): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    resolve(value);
  }

  async *#values(signal: AbortSignal): AsyncGenerator {
    try {
      for (;;) {
        const value = await Promise.race([this.#next.promise, untilAborted(signal)]);
        if (signal.aborted) return;
        yield value;
      }
    } finally {
      this.hasEnded = true;
    }
  }
}

/** @returns the failure's code, where it is closed as failed */
async function untilClosed(rig: Rig, name: string): Promise<string | undefined> {
  const info = await untilAnswered(async () => {
    const result = await rig.log.info(name);
    return result.status === "there" && result.info.closed ? result.info : undefined;
  }, `the end of the stream ${name}`);
  return info.failure;
}

describe("what writes a stream", () => {
  const sources: [string, ProduceSource][] = [
    [
      "a generator",
      async function* () {
        yield { n: 1 };
        await lapse(1);
        yield* ["two", null, false, 0, [3]];
      },
    ],
    [
      "a synchronous generator",
      function* () {
        yield* [{ n: 1 }, "two", null, false, 0, [3]];
      },
    ],
    ["a list", () => [{ n: 1 }, "two", null, false, 0, [3]]],
    [
      "a function that appends",
      async ({ append }) => {
        await append({ n: 1 });
        await append("two", null, false);
        void append(0);
        await append([3]);
      },
    ],
    ["a stream", () => ReadableStream.from([{ n: 1 }, "two", null, false, 0, [3]])],
  ];
  test.each(sources)("is %s: in order, and closed at its end", async (_what, source) => {
    await using rig = await startStreams();
    expect(await rig.streams.produce("s", source)).toBe(true);
    expect(await untilClosed(rig, "s")).toBe(undefined);
    const page = await fetch(rig.url("s"));
    expect(await page.json()).toEqual([{ n: 1 }, "two", null, false, 0, [3]]);
    expect(page.headers.get("Stream-Closed")).toBe("true");
  });

  test("may be of text or bytes, and what it gives is its own again at once", async () => {
    await using rig = await startStreams();
    await rig.streams.produce(
      "s",
      async function* () {
        const bytes = new TextEncoder().encode("one ");
        yield bytes;
        bytes.fill(0x78);
        yield "zwei ✓";
      },
      { contentType: "text/plain; charset=utf-8", ttlSeconds: 60 },
    );
    await untilClosed(rig, "s");
    const page = await fetch(rig.url("s"));
    expect(await page.text()).toBe("one zwei ✓");
    expect(page.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect((await fetch(rig.url("s"), { method: "HEAD" })).headers.get("Stream-TTL")).toBe("60");
  });

  test("has appended what it was told is kept", async () => {
    await using rig = await startStreams();
    const offsets: (number | undefined)[] = [];
    await rig.streams.produce("s", async ({ append }) => {
      for (const value of [1, 22, 333]) {
        await append(value);
        const result = await rig.log.info("s");
        offsets.push(result.status === "there" ? result.info.next : undefined);
      }
    });
    await untilClosed(rig, "s");
    expect(offsets).toEqual([1, 3, 6]);
  });

  test("goes on while readers come and go", async () => {
    await using rig = await startStreams();
    const scripted = new Scripted();
    await rig.streams.produce("s", scripted.source);
    using first = new EventReader(rig.url("s"));
    const connection = first.connect();
    scripted.give(1);
    await first.sees(1);
    first.cut();
    await connection;
    // Nobody reads now: the source's own watching is all there is.
    await until(() => rig.watchers === 1, "nobody reading");
    scripted.give(2);
    await untilAnswered(async () => {
      const result = await rig.log.info("s");
      return result.status === "there" && result.info.next === "12".length;
    }, "what nobody read");
    using second = new EventReader(rig.url("s"));
    void second.follow();
    await second.sees(2);
    scripted.give(3);
    await second.sees(3);
    void first.follow();
    await first.sees(3);
    expect([first.data, second.data]).toEqual([
      ["1", "2", "3"],
      ["1", "2", "3"],
    ]);
    expect([scripted.ran, scripted.signal?.aborted]).toEqual([1, false]);
  });

  test("runs once: a second one of the name is not called, while it runs and after it", async () => {
    await using rig = await startStreams();
    const [scripted, second] = [new Scripted(), new Scripted()];
    expect(await rig.streams.produce("s", scripted.source)).toBe(true);
    const answers = await Promise.all([1, 2].map(() => rig.streams.produce("s", second.source)));
    expect(answers).toEqual([false, false]);
    await rig.streams.append("s", [], { close: true });
    await until(() => scripted.hasEnded, "the end of the source");
    expect(await rig.streams.produce("s", second.source)).toBe(false);
    expect([scripted.ran, second.ran]).toEqual([1, 0]);
    await expect(rig.streams.produce("s2", scripted.source, { contentType: "text/plain" })).resolves.toBe(true);
    await expect(rig.streams.produce("s2", second.source)).rejects.toMatchObject({ status: 409 });
  });
});

describe("what writes a stream is told to stop", () => {
  test.each<[string, (rig: Rig) => Promise<unknown>, number]>([
    ["by a DELETE", (rig) => fetch(rig.url("s"), { method: "DELETE" }), 404],
    [
      "by a POST that closes it",
      (rig) => fetch(rig.url("s"), { method: "POST", headers: { "Stream-Closed": "true" } }),
      200,
    ],
    ["by a close in this process", (rig) => rig.streams.append("s", [], { close: true }), 200],
  ])("%s, though it has nothing to give", async (_how, stop, status) => {
    await using rig = await startStreams();
    const scripted = new Scripted();
    await rig.streams.produce("s", scripted.source);
    scripted.give(1);
    using reader = new EventReader(rig.url("s"));
    void reader.connect();
    await reader.sees(1);
    await stop(rig);
    // At once, and not only when its lease is to be prolonged, a third of ten seconds later.
    await until(() => scripted.hasEnded, "the end of the source", 2_000);
    expect(scripted.signal?.reason).toMatchObject({ status: 410 });
    const page = await fetch(rig.url("s"));
    expect(page.status).toBe(status);
    // It was not the source that failed.
    expect(page.headers.get("Stream-Failed")).toBe(null);
    await rig.untilUnwatched();
  });

  test("and its append rejects with the reason", async () => {
    await using rig = await startStreams();
    let thrown: unknown;
    await rig.streams.produce("s", async ({ append, signal }) => {
      await append(1);
      await untilAborted(signal);
      await append(2).catch((error: unknown) => (thrown = error));
    });
    await until(() => rig.watchers === 1, "the source running");
    await rig.log.delete("s");
    await until(() => thrown !== undefined, "the rejection");
    expect(thrown).toMatchObject({ status: 410 });
  });

  test("by close(), which closes the stream as failed", async () => {
    await using rig = await startStreams();
    const scripted = new Scripted();
    await rig.streams.produce("s", scripted.source);
    using reader = new EventReader(rig.url("s"));
    const following = reader.follow();
    scripted.give(1);
    await reader.sees(1);
    await within(rig.streams.close(), "closing");
    expect(scripted.hasEnded).toBe(true);
    expect(scripted.signal?.reason).toMatchObject({ status: 503 });
    expect(await within(following, "the reader's end")).toBe(204);
    expect(reader.told).toMatchObject([{ data: "1" }, { event: "error", data: '{"code":"http_503"}' }]);
    await expect(rig.streams.produce("t", scripted.source)).rejects.toMatchObject({ status: 503 });
  });

  test.each<[string, ProduceSource]>([
    ["throws what the signal's waiters throw", ({ signal }) => lapse(60_000, undefined, { signal })],
    [
      "throws something of its own",
      async ({ signal }) => untilAborted(signal).then(() => Promise.reject(new Error("No"))),
    ],
    ["does not look at its signal", () => new Promise<never>(() => {})],
    [
      "is a generator that does not look at its signal",
      async function* () {
        yield await new Promise<never>(() => {});
      },
    ],
  ])("and is not waited for, nor its words told, where it %s", async (_what, source) => {
    await using rig = await startStreams();
    await rig.streams.produce("s", source);
    await within(rig.streams.close(), "closing");
    expect(await untilClosed(rig, "s")).toBe("http_503");
  });
});

describe("what fails", () => {
  const failing = (error: unknown): ProduceSource =>
    async function* () {
      yield 1;
      throw error;
    };

  test.each<[string, unknown, string]>([
    ["the error's code", Object.assign(new Error("secret"), { code: "out_of_words" }), "out_of_words"],
    ["a system error's code", Object.assign(new Error("secret"), { code: "ECONNRESET" }), "ECONNRESET"],
    ["no words", new Error("secret"), "failed"],
    ["nothing of a code with words", Object.assign(new Error("secret"), { code: "it is secret" }), "failed"],
    ["nothing of a code that is no text", Object.assign(new Error("secret"), { code: 7 }), "failed"],
    ["nothing of what is no error", "secret", "failed"],
    ["nothing of nothing", undefined, "failed"],
    ["the status of an HttpError", new HttpError(402, "secret"), "http_402"],
  ])("is told by %s, behind what was made before", async (_what, error, code) => {
    await using rig = await startStreams();
    await rig.streams.produce("s", failing(error));
    const { reader, status } = await readToEnd(rig.url("s"));
    expect(status).toBe(204);
    expect(reader.told).toMatchObject([{ data: "1" }, { event: "error", data: JSON.stringify({ code }) }]);
    const page = await fetch(rig.url("s"));
    expect([await page.json(), page.headers.get("Stream-Failed")]).toEqual([[1], code]);
    const durable = new EventReader(rig.url("s", "offset=-1&live=sse"));
    await durable.connect();
    expect(JSON.parse(durable.told.at(-1)!.data)).toMatchObject({ streamClosed: true, failed: code });
    // Who runs the process is told more; an HttpError is meant as an answer.
    const told = reports.takeAll();
    expect(told.map((report) => [report.code, report.error])).toEqual(
      error instanceof HttpError ? [] : [["SOURCE_FAILED", error]],
    );
  });

  test("may do so at once", async () => {
    await using rig = await startStreams();
    const throwing: ProduceSource = () => {
      throw new Error("At once");
    };
    expect(await rig.streams.produce("s", throwing)).toBe(true);
    expect(await untilClosed(rig, "s")).toBe("failed");
    expect(reports.takeAll()).toHaveLength(1);
  });

  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  test.each<[string, unknown, string?]>([
    ["undefined", undefined],
    ["a function", () => {}],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
    ["what holds itself", cyclic],
    ["a number in text", 1, "text/plain"],
  ])("is a value that has no form: %s", async (_what, value, contentType = "application/json") => {
    await using rig = await startStreams();
    await rig.streams.produce("s", () => [value], { contentType });
    expect(await untilClosed(rig, "s")).toBe("ERR_ITEM_TYPE");
    expect(reports.takeAll().map(({ error }) => error)).toMatchObject([{ code: "ERR_ITEM_TYPE" }]);

    let thrown: unknown;
    await rig.streams.produce(
      "t",
      async ({ append }) => void (await append(value).catch((error: unknown) => (thrown = error))),
      { contentType },
    );
    expect(await untilClosed(rig, "t")).toBe(undefined);
    expect(thrown).toMatchObject({ code: "ERR_ITEM_TYPE" });
    await expect(rig.streams.append("u", [value], { contentType })).rejects.toMatchObject({ code: "ERR_ITEM_TYPE" });
  });

  test("is not what has no bytes: it is passed over, and no message", async () => {
    await using rig = await startStreams();
    let thrown: unknown;
    const words = ["", "one ", "", new Uint8Array(), "two", ""];
    const text = { contentType: "text/plain" };
    await rig.streams.produce("yielded", () => words, text);
    await rig.streams.produce(
      "appended",
      async ({ append }) => {
        for (const word of words) await append(word).catch((error: unknown) => (thrown = error));
      },
      text,
    );
    await rig.streams.produce("nothing", () => ["", ""], text);
    for (const [name, expected] of [
      ["yielded", "one two"],
      ["appended", "one two"],
      ["nothing", ""],
    ] as const) {
      expect(await untilClosed(rig, name)).toBe(undefined);
      expect(await (await fetch(rig.url(name))).text()).toBe(expected);
    }
    expect(thrown).toBe(undefined);
    // Who appends by himself is told, here and over HTTP.
    await expect(rig.streams.append("s", [""], text)).rejects.toMatchObject({ code: "ERR_ITEM_TYPE" });
    await rig.put("s", "text/plain");
    expect((await fetch(rig.url("s"), { method: "POST", headers: { "Content-Type": "text/plain" } })).status).toBe(400);
  });

  test("is also a log that does not keep what was given: nothing is left out unnoticed", async () => {
    let appends = 0;
    await using rig = await startStreams({
      over: (log) =>
        overLog(log, {
          async append(name, request) {
            if (++appends === 2) throw Object.assign(new Error("The disk is full"), { code: "ENOSPC" });
            return log.append(name, request);
          },
        }),
    });
    let given = 0;
    await rig.streams.produce("s", async function* () {
      for (; given < 50; given++) {
        yield given;
        await lapse(1);
      }
    });
    expect(await untilClosed(rig, "s")).toBe("ENOSPC");
    expect(await (await fetch(rig.url("s"))).json()).toEqual([0]);
    expect(given).toBeLessThan(50);
    expect(reports.takeAll()).toMatchObject([{ code: "SOURCE_FAILED", error: { code: "ENOSPC" } }]);
  });
});

describe("a source that goes on when it was told to stop", () => {
  const stubborn = (ended: Promise<void>): [string, ProduceSource][] => [
    ["a function", () => ended],
    [
      "a generator",
      async function* () {
        await ended;
        yield "too late";
      },
    ],
  ];
  test.each([0, 1])("is reported, and its stream is closed all the same", async (which) => {
    const end = Promise.withResolvers<void>();
    const [, source] = stubborn(end.promise)[which]!;
    await using rig = await startStreams();
    await rig.streams.produce("s", source, { leakReportMs: 20 });
    await rig.streams.append("s", [], { close: true });
    await until(() => reports.all().length > 0, "the report");
    expect(reports.take("SOURCE_OUTLIVED_READER").map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The source of the stream s still runs 20 ms/u),
    ]);
    expect(await untilClosed(rig, "s")).toBe(undefined);
    end.resolve();
  });

  test("is not reported where it ends in time", async () => {
    await using rig = await startStreams();
    const scripted = new Scripted();
    await rig.streams.produce("s", scripted.source, { leakReportMs: 20 });
    await rig.streams.append("s", [], { close: true });
    await until(() => scripted.hasEnded, "the end of the source");
    await lapse(60);
    expect(reports.all()).toEqual([]);
  });
});

test("what is produced is trimmed as what is appended", async () => {
  await using rig = await startStreams({ retention: { maxMessages: 2 } });
  await rig.streams.produce("s", async ({ append }) => {
    for (const n of [1, 2, 3, 4]) await append(n);
  });
  await untilClosed(rig, "s");
  expect(await (await fetch(rig.url("s"))).json()).toEqual([3, 4]);
});

test.each(["", "zürück", "日本", "two\nlines", " spaces around "])(
  "what could not be told in a field of HTTP is refused: %j",
  async (value) => {
    await using rig = await startStreams();
    const refusal = { code: "ERR_INVALID_OPTION" };
    await expect(rig.streams.append("s", [1], { failure: value })).rejects.toMatchObject(refusal);
    await expect(rig.streams.append("s", [1], { contentType: value })).rejects.toMatchObject(refusal);
    await expect(rig.streams.produce("s", () => [1], { contentType: value })).rejects.toMatchObject(refusal);
    expect(await rig.log.list("")).toEqual([]);
  },
);
