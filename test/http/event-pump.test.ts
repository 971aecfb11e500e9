import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EmptyAnswer, type Item, type Puller } from "../../src/core/puller.ts";
import { EventPump, type EventPumpOptions } from "../../src/http/event-pump.ts";
import { turns } from "../helpers/pump-rig.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Frames that the test gives one by one. */
class Frames implements Puller {
  readonly log: string[] = [];
  returned: unknown;
  #ready: (Item | undefined | Error)[] = [];
  #waiting: { resolve(item: Item | undefined): void; reject(error: unknown): void } | undefined;

  /** Given at once when it is pulled for; to a pull that waits, now. An error fails it; undefined is the end. */
  give(...items: (Item | undefined | Error)[]): void {
    for (const item of items) {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (!waiting) this.#ready.push(item);
      else if (item instanceof Error) waiting.reject(item);
      else waiting.resolve(item);
    }
  }

  pull(): Item | undefined | Promise<Item | undefined> {
    this.log.push("pull");
    if (this.#ready.length > 0) {
      const item = this.#ready.shift();
      if (item instanceof Error) throw item;
      return item;
    }
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  cancel(reason: unknown): void {
    this.log.push(`cancel ${(reason as Error).name}`);
  }
}

/** An event pump and whoever pulls from it: pulled on as soon as an item came. */
function start(options: Partial<EventPumpOptions> = {}): {
  frames: Frames;
  pump: EventPump;
  seen: string[];
  pullOnce(): void;
} {
  const frames = new Frames();
  const pump = new EventPump(frames, { keepAliveMs: 1000, commitAfterMs: 100, retryMs: undefined, ...options });
  const seen: string[] = [];
  return {
    frames,
    pump,
    seen,
    pullOnce() {
      void (async () => {
        try {
          const item = await pump.pull();
          seen.push(item === undefined ? "(end)" : Buffer.from(item as string).toString());
        } catch (error) {
          seen.push(error instanceof EmptyAnswer ? `(empty ${error.status})` : `(${(error as Error).message})`);
        }
      })();
    },
  };
}

async function pullAll(rig: ReturnType<typeof start>, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    rig.pullOnce();
    await turns(1);
  }
}

describe("an event stream", () => {
  it("gives the source's frames, and ends with it", async () => {
    const rig = start();
    rig.frames.give("a\n\n", new TextEncoder().encode("b\n\n"), undefined);
    await pullAll(rig, 4);
    expect(rig.seen).toEqual(["a\n\n", "b\n\n", "(end)", "(end)"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells the reconnection time before the first frame, of text or bytes", async () => {
    for (const frame of ["a\n\n", new TextEncoder().encode("a\n\n")]) {
      const rig = start({ retryMs: 3000 });
      rig.frames.give(frame, "b\n\n");
      await pullAll(rig, 3);
      expect(rig.seen.join("")).toBe("retry: 3000\n\na\n\nb\n\n");
    }
  });

  it("opens with a comment, and the reconnection time, after commitAfterMs of silence", async () => {
    const rig = start({ retryMs: 3000 });
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(99);
    expect(rig.seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(rig.seen).toEqual(["retry: 3000\n\n: open\n\n"]);
    rig.pullOnce();
    rig.frames.give("a\n\n");
    await turns(1);
    expect(rig.seen.at(-1)).toBe("a\n\n");
    expect(rig.frames.log).toEqual(["pull"]);
  });

  it("opens after commitAfterMs also where the source begins with nothing", async () => {
    for (const nothing of ["", new Uint8Array(0)]) {
      const rig = start();
      rig.frames.give(nothing);
      await pullAll(rig, 2);
      await vi.advanceTimersByTimeAsync(100);
      expect(rig.seen).toEqual(["", ": open\n\n"]);
      rig.pump.cancel(new Error("enough"));
    }
  });

  it("opens when there is something to say with commitAfterMs of Infinity", async () => {
    const rig = start({ commitAfterMs: Infinity });
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(rig.seen).toEqual([]);
    rig.frames.give("a\n\n");
    await turns(1);
    expect(rig.seen).toEqual(["a\n\n"]);
  });

  it("says keep-alive in silence only, counted from the last frame", async () => {
    const rig = start();
    rig.frames.give("a\n\n");
    await pullAll(rig, 2);
    for (let round = 0; round < 5; round++) {
      await vi.advanceTimersByTimeAsync(900);
      rig.frames.give("b\n\n");
      await turns(1);
      rig.pullOnce();
      await turns(1);
    }
    expect(rig.seen.filter((frame) => frame.startsWith(":"))).toEqual([]);
    await vi.advanceTimersByTimeAsync(999);
    expect(rig.seen.at(-1)).toBe("b\n\n");
    await vi.advanceTimersByTimeAsync(2);
    expect(rig.seen.at(-1)).toBe(": keep-alive\n\n");
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(1001);
    expect(rig.seen.slice(-2)).toEqual([": keep-alive\n\n", ": keep-alive\n\n"]);
  });

  it("says nothing to a reader that takes nothing", async () => {
    const rig = start();
    rig.frames.give("a\n\n");
    await pullAll(rig, 1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.seen).toEqual(["a\n\n"]);
    expect(rig.frames.log).toEqual(["pull"]);
  });

  it("never says keep-alive with keepAliveMs of 0", async () => {
    const rig = start({ keepAliveMs: 0 });
    rig.frames.give("a\n\n");
    await pullAll(rig, 2);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(rig.seen).toEqual(["a\n\n"]);
  });

  it("keeps a frame that came while a comment was taken", async () => {
    const rig = start();
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(100);
    rig.frames.give("a\n\n");
    await turns(1);
    expect(rig.seen).toEqual([": open\n\n"]);
    rig.frames.give("b\n\n");
    await pullAll(rig, 2);
    expect(rig.seen).toEqual([": open\n\n", "a\n\n", "b\n\n"]);
  });

  it.each([
    ["at once", (frames: Frames) => frames.give("a\n\n", new Error("broken"))],
    [
      "while it is waited for",
      (frames: Frames) => {
        frames.give("a\n\n");
        setImmediate(() => frames.give(new Error("broken")));
      },
    ],
  ])("fails as its source fails, %s, and leaves no timer behind", async (_when, fail) => {
    const rig = start();
    fail(rig.frames);
    await pullAll(rig, 2);
    await turns(2);
    expect(rig.seen).toEqual(["a\n\n", "(broken)"]);
    expect(vi.getTimerCount()).toBe(0);
    expect(rig.frames.log).toEqual(["pull", "pull"]);
  });

  it("leaves no timer behind where its source fails at once after it was waited for", async () => {
    const rig = start();
    rig.frames.give("a\n\n");
    await pullAll(rig, 2);
    rig.frames.give("b\n\n", new Error("broken"));
    await turns(1);
    await pullAll(rig, 1);
    expect(rig.seen).toEqual(["a\n\n", "b\n\n", "(broken)"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fails, and leaves no timer behind, where its source failed while a comment was taken", async () => {
    const rig = start();
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(100);
    rig.pullOnce();
    await vi.advanceTimersByTimeAsync(1001);
    rig.frames.give(new Error("broken"));
    await turns(1);
    rig.pullOnce();
    await turns(1);
    expect(rig.seen).toEqual([": open\n\n", ": keep-alive\n\n", "(broken)"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is an empty answer where the source returns null before its first frame", async () => {
    for (const later of [false, true]) {
      const rig = start();
      rig.frames.returned = null;
      if (!later) rig.frames.give(undefined);
      rig.pullOnce();
      rig.frames.give(undefined);
      await turns(2);
      expect(rig.seen).toEqual(["(empty 204)"]);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it("is no empty answer where something was said before, or something else is returned", async () => {
    const after = start();
    after.frames.returned = null;
    after.frames.give("a\n\n", undefined);
    await pullAll(after, 2);
    expect(after.seen).toEqual(["a\n\n", "(end)"]);
    const other = start();
    other.frames.give(undefined);
    await pullAll(other, 1);
    expect(other.seen).toEqual(["(end)"]);
  });

  it("cancels its source once, and says nothing more", async () => {
    const rig = start();
    rig.pullOnce();
    rig.pump.cancel(new DOMException("left", "AbortError"));
    rig.pump.cancel(new Error("again"));
    rig.frames.give("late\n\n");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.seen).toEqual([]);
    expect(rig.frames.log).toEqual(["pull", "cancel AbortError"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an event stream that drains", () => {
  const farewell = (retryMs: number): string => `retry: ${retryMs}\n\n`;

  it.each([
    ["before it was pulled", async () => {}],
    ["while its source is waited for", async (rig: ReturnType<typeof start>) => rig.pullOnce()],
    [
      "after a frame, in silence",
      async (rig: ReturnType<typeof start>) => {
        rig.frames.give("a\n\n");
        await pullAll(rig, 2);
      },
    ],
    [
      "while a frame is taken",
      async (rig: ReturnType<typeof start>) => {
        rig.frames.give("a\n\n");
        await pullAll(rig, 1);
      },
    ],
    [
      "while a comment is taken and a frame has come",
      async (rig: ReturnType<typeof start>) => {
        rig.pullOnce();
        await vi.advanceTimersByTimeAsync(100);
        rig.frames.give("late\n\n");
        await turns(1);
      },
    ],
  ])("says goodbye and ends cleanly: %s", async (_state, reach) => {
    const rig = start({ retryMs: 2000, random: () => 0.25 });
    await reach(rig);
    rig.pump.drain();
    rig.pump.drain();
    await turns(1);
    await pullAll(rig, 3);
    const goodbye = rig.seen.indexOf(farewell(3000));
    expect(goodbye).toBeGreaterThanOrEqual(0);
    expect(rig.seen.filter((frame) => frame === farewell(3000))).toHaveLength(1);
    expect(new Set(rig.seen.slice(goodbye + 1))).toEqual(new Set(["(end)"]));
    expect(rig.frames.log.filter((entry) => entry !== "pull")).toEqual(["cancel AbortError"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("says nothing where it has ended, failed or was cancelled", async () => {
    for (const last of [undefined, new Error("broken")]) {
      const rig = start();
      rig.frames.give("a\n\n", last);
      await pullAll(rig, 2);
      rig.pump.drain();
      expect(rig.frames.log).toEqual(["pull", "pull"]);
      await pullAll(rig, 1);
      expect(rig.seen.at(-1)).toBe("(end)");
    }
    const cancelled = start();
    cancelled.pump.cancel(new DOMException("left", "AbortError"));
    cancelled.pump.drain();
    expect(cancelled.frames.log).toEqual(["cancel AbortError"]);
  });

  it("spreads the readers' return from once to three times the reconnection time", async () => {
    for (const [random, retryMs] of [
      [0, 1000],
      [0.5, 2000],
      [1, 3000],
    ] as const) {
      const rig = start({ random: () => random });
      rig.pump.drain();
      await pullAll(rig, 1);
      expect(rig.seen).toEqual([farewell(retryMs)]);
    }
    const readers = Array.from({ length: 50 }, () => start());
    for (const reader of readers) {
      reader.pump.drain();
      await pullAll(reader, 1);
    }
    expect(new Set(readers.map(({ seen }) => seen[0])).size).toBeGreaterThan(40);
  });
});
