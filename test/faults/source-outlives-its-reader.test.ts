import { setTimeout as delay } from "node:timers/promises";
import { type StreamingSource, eventStreamResponse, streamingResponse } from "sluice";
import { type FetchHandler, serve } from "sluice/node";
import { describe, expect, it } from "vitest";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { lapse, until } from "./support/deadline.ts";

const LEAK_REPORT_MS = 200;

const reports = watchReports();
const codes = (): string[] => reports.all().map(({ code }) => code);

/** Reads the first bytes of an answer of `handler`, and leaves. */
async function readAndLeave(handler: FetchHandler): Promise<AsyncDisposable> {
  const server = await serve(handler, { port: 0 });
  using reader = await RawClient.connect(server.port);
  reader.get("/");
  await reader.readUntil("first");
  reader.reset();
  await until(() => server.active === 0, "the end of the response");
  return server;
}

const stream = (source: StreamingSource): Response =>
  streamingResponse(source, { leakReportMs: LEAK_REPORT_MS, commitAfterMs: 0 });

describe("a source that still runs after its reader has left", () => {
  let release: () => void = () => {};

  async function* ignoring(): AsyncGenerator<string> {
    yield "first";
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  }

  async function* hangingInFinally(): AsyncGenerator<string> {
    try {
      yield "first";
      await delay(5);
      yield "second";
      await delay(60_000, undefined, { ref: false });
    } finally {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
  }

  it.each<[string, FetchHandler]>([
    ["a generator that ignores its signal", () => stream(ignoring())],
    ["one made by a function", () => stream(ignoring)],
    ["one made by an async function", () => stream(async () => ignoring())],
    ["an event stream's", (request) => eventStreamResponse(request, ignoring(), { leakReportMs: LEAK_REPORT_MS })],
    [
      "a generator that does not come out of its finally",
      () =>
        stream(async function* ({ signal }) {
          const inner = hangingInFinally();
          signal.addEventListener("abort", () => void inner.return(undefined));
          yield* inner;
        }),
    ],
  ])("is reported once, with the place where its response was made: %s", async (_, handler) => {
    const leftAt = performance.now();
    await using _server = await readAndLeave(handler);
    await until(() => codes().length > 0, "a report", 3000);
    expect(performance.now() - leftAt).toBeGreaterThan(LEAK_REPORT_MS - 5);
    await lapse(LEAK_REPORT_MS * 2);
    release();
    await lapse(20);
    const [report, ...others] = reports.take("SOURCE_OUTLIVED_READER");
    expect(others).toEqual([]);
    expect(report!.message).toContain(`${LEAK_REPORT_MS} ms`);
    expect(report!.message).toMatch(/source-outlives-its-reader\.test\.ts:\d+/u);
  });
});

describe("a source that ends in time", () => {
  it.each<[string, FetchHandler]>([
    [
      "by its signal",
      () =>
        stream(async function* ({ signal }) {
          yield "first";
          await delay(60_000, undefined, { signal });
        }),
    ],
    [
      "because it yields again",
      () =>
        stream(async function* () {
          yield "first";
          for (;;) {
            await delay(10);
            yield "more";
          }
        }),
    ],
    [
      "after cleaning up for a while",
      () =>
        stream(async function* ({ signal }) {
          try {
            yield "first";
            await delay(60_000, undefined, { signal });
          } finally {
            await delay(LEAK_REPORT_MS / 4);
          }
        }),
    ],
    [
      "as it is synchronous",
      () =>
        stream(function* () {
          for (;;) yield "first";
        }),
    ],
    [
      "an event stream",
      (request) =>
        eventStreamResponse(
          request,
          async function* ({ signal }) {
            yield "first";
            await delay(60_000, undefined, { signal });
          },
          { leakReportMs: LEAK_REPORT_MS },
        ),
    ],
  ])("is not reported: %s", async (_, handler) => {
    await using _server = await readAndLeave(handler);
    await lapse(LEAK_REPORT_MS * 2);
    expect(codes()).toEqual([]);
  });
});

it.each<[string, FetchHandler]>([
  ["of a body", () => stream(() => new Promise(() => {}))],
  [
    "of an event stream",
    (request) => eventStreamResponse(request, () => new Promise(() => {}), { leakReportMs: LEAK_REPORT_MS }),
  ],
])("reports a source's function that never answers, too: %s", async (_, handler) => {
  await using server = await serve(handler, { port: 0 });
  using reader = await RawClient.connect(server.port);
  reader.get("/");
  await reader.readUntil("\r\n\r\n");
  reader.reset();
  await until(() => server.active === 0, "the end of the response");
  await lapse(LEAK_REPORT_MS * 2);
  expect(reports.take("SOURCE_OUTLIVED_READER")).toHaveLength(1);
});
