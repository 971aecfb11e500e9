import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  Body,
  type BodyOptions,
  type BodyStarter,
  DISCARD_AFTER_MS,
  type Outcome,
  bindBody,
  bodyOf,
} from "../../src/core/body.ts";
import { bodyStream } from "../../src/core/web-stream.ts";
import { turns } from "../helpers/pump-rig.ts";
import { watchReports } from "../helpers/reports.ts";

const reports = watchReports();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.advanceTimersByTime(DISCARD_AFTER_MS + 2000);
  // The sweeper of bodies that nobody reads sleeps when there are none.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function makeBody(options: Partial<BodyStarter & BodyOptions> = {}): {
  body: Body;
  outcomes: Outcome[];
  log: string[];
} {
  const outcomes: Outcome[] = [];
  const log: string[] = [];
  const body = new Body({
    open: () => {
      log.push("open");
      return { pull: () => undefined, cancel: () => {} };
    },
    discard: () => log.push("discard"),
    stallTimeoutMs: Infinity,
    onFinish: (outcome) => void outcomes.push(outcome),
    ...options,
  });
  return { body, outcomes, log };
}

describe("a body", () => {
  it("is opened once", () => {
    const { body, log } = makeBody();
    body.open();
    expect(() => body.open()).toThrow(expect.objectContaining({ code: "ERR_BODY_TAKEN" }));
    expect(log).toEqual(["open"]);
  });

  it("has one outcome, with its bytes and times", () => {
    const { body, outcomes } = makeBody();
    body.open();
    vi.advanceTimersByTime(20);
    body.firstByte();
    vi.advanceTimersByTime(30);
    body.firstByte();
    expect(body.finish("completed", 7)).toMatchObject({ outcome: "completed" });
    expect(body.finish("failed", 9, new Error("late"))).toBeUndefined();
    body.discard();
    expect(outcomes).toEqual([{ outcome: "completed", bytes: 7, durationMs: 50, firstByteMs: 20 }]);
  });

  it("says what was thrown, and that there was no first byte", () => {
    const { body, outcomes } = makeBody();
    body.open();
    const error = new Error("broken");
    body.finish("failed", 0, error);
    expect(outcomes).toEqual([{ outcome: "failed", bytes: 0, durationMs: 0, firstByteMs: undefined, error }]);
  });

  it("hands its source a signal that is aborted with the reason", () => {
    let signal: AbortSignal | undefined;
    const { body } = makeBody({
      open: (context) => {
        signal = context.signal;
        return { pull: () => undefined, cancel: () => {} };
      },
    });
    body.open();
    body.abort();
    expect(signal?.aborted).toBe(true);
    expect((signal!.reason as DOMException).name).toBe("AbortError");
  });

  it("is let go of instead of being opened", () => {
    const { body, outcomes, log } = makeBody();
    body.discard();
    body.discard();
    expect(log).toEqual(["discard"]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["discarded"]);
    expect(() => body.open()).toThrow(expect.objectContaining({ code: "ERR_BODY_TAKEN" }));
  });

  it("is let go of after 30 s where nobody reads it", () => {
    const { outcomes, log } = makeBody();
    const later = makeBody();
    later.body.open();
    vi.advanceTimersByTime(DISCARD_AFTER_MS - 1000);
    expect(log).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(log).toEqual(["discard"]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["discarded"]);
    expect(later.log).toEqual(["open"]);
  });

  it("is not hurt by an onFinish that throws or rejects: that is reported", async () => {
    const error = new Error("its own");
    for (const onFinish of [
      () => Promise.reject(error),
      () => {
        throw error;
      },
    ]) {
      const { body } = makeBody({ onFinish });
      body.open();
      expect(body.finish("completed", 0)?.outcome).toBe("completed");
      await turns(1);
      expect(reports.take("ON_FINISH_FAILED")).toMatchObject([{ error }]);
    }
  });
});

describe("the body behind a stream", () => {
  const options: BodyStarter & BodyOptions = {
    open: () => ({ pull: () => "a", cancel: () => {} }),
    stallTimeoutMs: Infinity,
  };

  it("is found while nobody has begun to read", () => {
    const stream = bodyStream(options);
    expect(bodyOf(stream)).toBeInstanceOf(Body);
    expect(bodyOf(new ReadableStream())).toBeUndefined();
  });

  it("is found through a Response, its copy, and a Response around its stream", () => {
    const response = new Response(bodyStream(options));
    const around = new Response(response.body, { headers: { "X-Added": "1" } });
    expect(bodyOf(around.body!)).toBeInstanceOf(Body);
    expect(bodyOf(around.body!)).toBe(bodyOf(response.body!));
  });

  it("is not found where the stream is locked or read, or the body was opened", async () => {
    const locked = bodyStream(options);
    locked.getReader();
    expect(bodyOf(locked)).toBeUndefined();
    const read = bodyStream(options);
    const reader = read.getReader();
    await reader.read();
    reader.releaseLock();
    expect(bodyOf(read)).toBeUndefined();
    const opened = new Body(options);
    const stream = new ReadableStream();
    bindBody(stream, opened);
    opened.open();
    expect(bodyOf(stream)).toBeUndefined();
  });

  it("is not what a clone is taken for", () => {
    const response = new Response(bodyStream(options));
    const clone = response.clone();
    expect(bodyOf(response.body!)).toBeUndefined();
    expect(bodyOf(clone.body!)).toBeUndefined();
  });
});
