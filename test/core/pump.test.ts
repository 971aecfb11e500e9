import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CHUNK_BYTES, GATHER_BYTES, READ_AHEAD_BYTES, budget } from "../../src/core/budget.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { until } from "../helpers/deadline.ts";
import { type SinkMode, pullFrom, startPump, turns } from "../helpers/pump-rig.ts";

const { maxBytes } = budget;

checkBudget();
afterEach(() => {
  vi.useRealTimers();
  budget.maxBytes = maxBytes;
});

const items = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "€", "😀", "\ud83d", "\ude00"), maxLength: 30 }),
    fc.uint8Array({ maxLength: 30 }),
    fc.integer({ min: 4000, max: 150_000 }).map((length) => new Uint8Array(length).fill(length)),
    fc.integer({ min: 4000, max: 150_000 }).map((length) => "€".repeat(length)),
  ),
  { maxLength: 12 },
);
const modes = fc.array(fc.constantFrom<SinkMode>("at once", "prompt", "slow"), { minLength: 1, maxLength: 8 });

function cycle<T>(values: readonly T[]): () => T {
  let index = 0;
  return () => values[index++ % values.length]!;
}

/** As text runs together, so do its bytes. */
function byteLengthOf(all: readonly (string | Uint8Array)[]): number {
  let length = 0;
  let run = "";
  for (const item of [...all, new Uint8Array(1)]) {
    if (typeof item === "string") run += item;
    else if (item.byteLength > 0) {
      length += Buffer.byteLength(run) + item.byteLength;
      run = "";
    }
  }
  return length - 1;
}

describe("a pump", () => {
  it("moves every byte in order, whatever the source and the sink do", async () => {
    const later = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(items, modes, later, fc.boolean(), async (all, sinkModes, whenLater, exact) => {
        const contentLength = exact ? byteLengthOf(all) : undefined;
        const rig = startPump(pullFrom(all, cycle(whenLater)), { sink: cycle(sinkModes), contentLength });
        await rig.untilOver();
        expect(rig.error).toBeUndefined();
        expect(rig.bytes.byteLength).toBe(byteLengthOf(all));
        const text = all.every((item) => typeof item === "string");
        if (text) expect(rig.bytes.equals(Buffer.from(all.join("")))).toBe(true);
        else if (all.every((item) => typeof item !== "string"))
          expect(rig.bytes.equals(Buffer.concat(all as Uint8Array[]))).toBe(true);
        expect(rig.log.filter((entry) => entry === "onEnd")).toHaveLength(1);
        expect(rig.log).not.toContain("cancel");
        expect(rig.pump.bytesWritten).toBe(rig.bytes.byteLength);
        expect(budget.usedBytes).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it("pulls nothing while the sink has a piece in hand", async () => {
    const rig = startPump(() => new Uint8Array(5000), { sink: "by hand" });
    for (let round = 0; round < 20; round++) {
      await until(() => rig.log.at(-1)?.startsWith("write") === true, "a write");
      const before = rig.log.length;
      await turns(3);
      expect(rig.log).toHaveLength(before);
      rig.take(round % 2 === 0);
    }
    rig.pump.stop("enough");
    expect(rig.log.filter((entry) => entry === "taken")).toHaveLength(20);
  });

  it("keeps an item that comes while the sink has a piece in hand, and pulls no other", async () => {
    let give: (item: string) => void = () => {};
    let pulls = 0;
    const rig = startPump(() => (pulls++ === 0 ? "first" : new Promise((resolve) => (give = resolve))), {
      sink: "by hand",
    });
    await until(() => rig.log.at(-1) === "write 5", "a write");
    give("x".repeat(100_000));
    await turns(3);
    expect(rig.log).toEqual(["pull", "pull", "write 5"]);
    rig.take();
    await until(() => rig.pieces.length === 2, "the item");
    rig.pump.stop("enough");
  });

  it("gathers what is yielded in one turn into one write", async () => {
    // However long the machine takes: the source's 2 ms are not used up.
    vi.useFakeTimers({ toFake: ["performance"] });
    const rig = startPump(pullFrom(Array.from({ length: 100 }, (_, index) => `${index}\n`)));
    await rig.untilOver();
    expect(rig.pieces).toHaveLength(1);
    expect(rig.log.at(-2)).toBe("end 290");
  });

  it("does not hold an item back when the source makes it wait for the next", async () => {
    let pulls = 0;
    const rig = startPump(() => (pulls++ === 0 ? "first" : new Promise(() => {})));
    await turns(2);
    expect(rig.log).toEqual(["pull", "pull", "write 5"]);
    rig.pump.stop("enough");
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["rejects later", () => new Promise<never>((_resolve, reject) => setImmediate(() => reject(new Error("broken"))))],
  ])("writes what came before when the source %s", async (_how, fail) => {
    const large = "€".repeat(100_000);
    for (const sink of ["at once", "prompt", "slow"] as const) {
      const source = pullFrom(["small", large]);
      let pulls = 0;
      const rig = startPump(() => (pulls++ < 2 ? source() : fail()), { sink });
      await rig.untilOver();
      expect(rig.error).toEqual(new Error("broken"));
      expect(rig.bytes.equals(Buffer.from(`small${large}`))).toBe(true);
      expect(rig.log).not.toContain("onEnd");
      expect(rig.log).not.toContain("cancel");
    }
  });

  it.each<SinkMode>(["at once", "prompt", "slow"])(
    "sends all of a text whose bytes take several writes, while the source waits (%s)",
    async (sink) => {
      // Fewer code units than are gathered, three times as many bytes.
      const texts = ["€".repeat(60_000)];
      const rig = startPump(() => texts.pop() ?? new Promise(() => {}), { sink: () => sink });
      await until(() => rig.bytes.byteLength === 180_000, "all of the text", 2000);
      rig.pump.stop(new Error("enough"));
      expect(rig.bytes.toString()).toBe("€".repeat(60_000));
    },
  );

  it("reads ahead only for a reader that has taken 8 MiB", async () => {
    const chunk = new Uint8Array(64 * 1024);
    let left = 400;
    const rig = startPump(() => (left-- > 0 ? chunk : undefined), { sink: "at once" });
    await rig.untilOver();
    let written = 0;
    const sizes = rig.pieces.map(({ byteLength }) => ({ from: written, byteLength, to: (written += byteLength) }));
    const early = sizes.filter(({ from }) => from < 8 * 1024 * 1024);
    expect(Math.max(...early.map(({ byteLength }) => byteLength))).toBe(GATHER_BYTES);
    const late = sizes.filter(({ from }) => from >= 8 * 1024 * 1024 + READ_AHEAD_BYTES);
    expect(Math.max(...late.map(({ byteLength }) => byteLength))).toBe(READ_AHEAD_BYTES);
  });

  it.each([CHUNK_BYTES - 1, CHUNK_BYTES])("reads ahead for items from 16 KiB on only: %i", async (itemBytes) => {
    const item = new Uint8Array(itemBytes);
    let left = 1500;
    let most = 0;
    const rig = startPump(() => (left-- > 0 ? item : undefined), {
      onLog: () => (most = Math.max(most, budget.usedBytes)),
    });
    await rig.untilOver();
    expect(rig.bytes.byteLength).toBe(1500 * itemBytes);
    expect(most).toBe(itemBytes < CHUNK_BYTES ? GATHER_BYTES : GATHER_BYTES + READ_AHEAD_BYTES);
  });

  it.each([
    ["slow", CHUNK_BYTES],
    ["prompt", GATHER_BYTES],
  ] as const)("gathers for a %s reader up to %i bytes", async (sink, limit) => {
    let left = 1000;
    const rig = startPump(() => (left-- > 0 ? new Uint8Array(3000) : undefined), { sink });
    await rig.untilOver();
    const most = Math.max(...rig.pieces.slice(1).map(({ byteLength }) => byteLength));
    expect(most).toBeLessThanOrEqual(limit);
    expect(most).toBeGreaterThan(limit - 3000);
  });

  it("sends everything in chunks where the budget has nothing to grant", async () => {
    budget.maxBytes = 0;
    const all = Array.from({ length: 50 }, () => new Uint8Array(5000));
    const rig = startPump(pullFrom(all), { sink: "prompt" });
    await rig.untilOver();
    expect(rig.bytes.byteLength).toBe(250_000);
    expect(Math.max(...rig.pieces.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  it("counts a large item until it has gone, and pulls nothing after it until then", async () => {
    const rig = startPump(pullFrom([new Uint8Array(1_000_000), "next"]), { sink: "by hand" });
    for (let taken = 0; taken < 1_000_000;) {
      await until(() => rig.log.at(-1)?.startsWith("write") === true, "a write");
      expect(budget.usedBytes).toBeGreaterThanOrEqual(1_000_000);
      expect(rig.log.filter((entry) => entry === "pull")).toHaveLength(1);
      taken = rig.bytes.byteLength;
      rig.take(true);
    }
    await until(() => rig.log.at(-1) === "end 4", "the end");
    rig.take();
    expect(rig.over).toBe(true);
    expect(budget.usedBytes).toBe(0);
  });

  it.each([
    ["items", () => new Uint8Array(1000)],
    ["empty items", () => ""],
    ["large items", () => "x".repeat(5_000_000)],
    ["promised items", () => Promise.resolve("x")],
  ])("lets timers run beside an endless source of %s", async (_kind, pull) => {
    const rig = startPump(pull);
    const startedAt = performance.now();
    for (let ticks = 0; ticks < 5; ticks++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(performance.now() - startedAt).toBeLessThan(1000);
    rig.pump.stop("enough");
    expect(rig.log.at(-1)).toBe("cancel");
  });

  it("gives a source that is slow in itself 2 ms a turn", async () => {
    const busy = (): Uint8Array => {
      const until = performance.now() + 1;
      while (performance.now() < until);
      return new Uint8Array(1);
    };
    let pulls = 0;
    let most = 0;
    const rig = startPump(() => {
      pulls++;
      return busy();
    });
    for (let turn = 0; turn < 10; turn++) {
      pulls = 0;
      await turns(1);
      most = Math.max(most, pulls);
    }
    rig.pump.stop("enough");
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
  });

  it("passes on a wish to drain while the source runs, if it has a way to", () => {
    const endless = startPump(() => new Promise(() => {}), { drains: true });
    expect(endless.pump.drain()).toBe(true);
    endless.pump.stop("enough");
    expect(endless.pump.drain()).toBe(false);
    expect(endless.log).toEqual(["pull", "drain", "cancel"]);
    const finite = startPump(() => new Promise(() => {}));
    expect(finite.pump.drain()).toBe(false);
    finite.pump.stop("enough");
  });
});

describe("a pump's stall timeout", () => {
  it("passes while the sink takes nothing, and once", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const rig = startPump(() => new Uint8Array(GATHER_BYTES), { sink: "by hand", stallTimeoutMs: 1000 });
    await turns(2);
    expect(rig.log.at(-1)).toBe(`write ${GATHER_BYTES}`);
    vi.advanceTimersByTime(900);
    rig.take();
    await turns(2);
    vi.advanceTimersByTime(999);
    expect(rig.log).not.toContain("onStall");
    vi.advanceTimersByTime(2);
    expect(rig.log.at(-1)).toBe("onStall");
    vi.advanceTimersByTime(5000);
    expect(rig.log.filter((entry) => entry === "onStall")).toHaveLength(1);
    rig.pump.stop("stalled");
    expect(rig.log.at(-1)).toBe("cancel");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not pass while the source makes the reader wait", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    let pulls = 0;
    const rig = startPump(() => (pulls++ === 0 ? "a" : new Promise(() => {})), {
      sink: "by hand",
      stallTimeoutMs: 1000,
    });
    await turns(2);
    rig.take();
    vi.advanceTimersByTime(60_000);
    expect(rig.log).not.toContain("onStall");
    rig.pump.stop("enough");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no timer behind where the pump is stopped", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const rig = startPump(() => "a", { sink: "by hand", stallTimeoutMs: 1000 });
    await turns(2);
    expect(vi.getTimerCount()).toBe(1);
    rig.pump.stop("enough");
    expect(vi.getTimerCount()).toBe(0);
  });
});
