import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { eventStreamResponse, streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { watchReports } from "../helpers/reports.ts";
import { lapse, until, within } from "./support/deadline.ts";
import { isOpen } from "./support/leaving.ts";
import { SOAK, skip } from "./support/scale.ts";

const DISCARD_AFTER_MS = 30_000;

const reports = watchReports();

let folder: string;
let file: string;
let outcomes: string[];
const onFinish = ({ outcome }: { outcome: string }): void => void outcomes.push(outcome);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-dropped-"));
  file = join(folder, "file.txt");
  writeFileSync(file, "some text");
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  outcomes = [];
});
afterEach(() => void vi.useRealTimers());

/** Only what the library measures its 30 s by: sockets and deadlines go on as ever. */
function holdTheClock(): void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
}

/** Polled without the clock that is held. */
async function opened(): Promise<void> {
  while (!isOpen(file)) await lapse(5);
}

const fileResponse = (): Response => streamingResponse(createReadStream(file), { onFinish });

/** Lets the time pass that a body may lie unread. */
function letItLapse(): void {
  vi.advanceTimersByTime(DISCARD_AFTER_MS + 1000);
  vi.useRealTimers();
}

describe("a Response that is neither sent nor cancelled", () => {
  it("keeps what it holds for 30 s, and gives it back then", async () => {
    holdTheClock();
    fileResponse();
    await within(opened(), "the opening of the file");
    vi.advanceTimersByTime(DISCARD_AFTER_MS - 1000);
    expect(outcomes).toEqual([]);
    expect(isOpen(file)).toBe(true);
    vi.advanceTimersByTime(2000);
    vi.useRealTimers();
    await until(() => !isOpen(file), "the closing of the file");
    expect(outcomes).toEqual(["discarded"]);
  });

  it("is what Hono makes of HEAD on a GET route", async () => {
    holdTheClock();
    const app = new Hono();
    app.get("/", () => fileResponse());
    await using server = await serve(app.fetch, { port: 0 });
    const response = await fetch(server.url, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
    await within(opened(), "the opening of the file");
    expect(outcomes).toEqual([]);
    letItLapse();
    await until(() => !isOpen(file), "the closing of the file");
    expect(outcomes).toEqual(["discarded"]);
  });

  it("cancels a ReadableStream, and returns an iterator, that was never read", () => {
    holdTheClock();
    const given: string[] = [];
    const iterator: AsyncIterableIterator<string> = {
      next: () => Promise.reject(new Error("not to be read")),
      return: () => {
        given.push("iterator");
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    streamingResponse(new ReadableStream({ cancel: () => void given.push("stream") }), { onFinish });
    streamingResponse(iterator, { onFinish });
    eventStreamResponse(new Request("http://localhost/"), iterator, { onFinish });
    letItLapse();
    expect(given).toEqual(["stream", "iterator", "iterator"]);
    expect(outcomes).toEqual(["discarded", "discarded", "discarded"]);
  });

  it("does not run the function that makes the source", () => {
    holdTheClock();
    let runs = 0;
    streamingResponse(
      () => {
        runs++;
        return [];
      },
      { onFinish },
    );
    letItLapse();
    expect(runs).toBe(0);
    expect(outcomes).toEqual(["discarded"]);
  });

  it("is discarded at once where it is cancelled, and not once more after 30 s", async () => {
    holdTheClock();
    await fileResponse().body!.cancel();
    expect(outcomes).toEqual(["discarded"]);
    letItLapse();
    await until(() => !isOpen(file), "the closing of the file");
    expect(outcomes).toEqual(["discarded"]);
  });

  it("answers 500 when it is sent after all, and says so", async () => {
    holdTheClock();
    const response = streamingResponse(["too late"], { onFinish });
    letItLapse();
    await using server = await serve(() => response, { port: 0 });
    const answer = await fetch(server.url);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("too late");
    expect(outcomes).toEqual(["discarded"]);
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});

describe("a Response that is read within 30 s", () => {
  it("is not touched, however long it lasts", async () => {
    holdTheClock();
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const source = async function* (): AsyncGenerator<string> {
      yield "begun ";
      await released;
      yield "and whole";
    };
    await using server = await serve(() => streamingResponse(source(), { onFinish }), { port: 0 });
    const response = await fetch(server.url);
    const text = response.text();
    vi.advanceTimersByTime(DISCARD_AFTER_MS * 3);
    vi.useRealTimers();
    release();
    expect(await within(text, "the rest")).toBe("begun and whole");
    await until(() => outcomes.length > 0, "the outcome");
    expect(outcomes).toEqual(["completed"]);
  });
});

it("gives the file back after 30 s of real time", { timeout: 45_000 }, async (context) => {
  if (!SOAK) return skip(context, "it waits for 30 s (SOAK=1 runs it)");
  fileResponse();
  await within(opened(), "the opening of the file");
  await until(() => !isOpen(file), "the closing of the file", DISCARD_AFTER_MS + 3000);
  expect(outcomes).toEqual(["discarded"]);
});
