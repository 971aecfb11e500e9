import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_BLOCK_BYTES, leaseBlock, leasedBlocks, returnBlock } from "../../src/core/block-pool.ts";
import { GATHER_BYTES, budget } from "../../src/core/budget.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { until } from "../helpers/deadline.ts";
import { turns } from "../helpers/pump-rig.ts";
import { ALL, type Script, Watched } from "./block-pump-rig.ts";

checkBudget();
const { maxBytes } = budget;
beforeEach(() => expect(noneIsOut()).toBe(true));
afterEach(() => {
  budget.maxBytes = maxBytes;
  expect(noneIsOut()).toBe(true);
});

const scripts: fc.Arbitrary<Script> = fc.record({
  some: fc.oneof(
    fc.constant([]),
    fc.array(fc.constantFrom(undefined, 0, 0.001, 0.3, 0.9, 1, 1, 1), { minLength: 1, maxLength: 6 }),
  ),
  taken: fc.array(fc.constantFrom(0, 0, 1, 3), { minLength: 1, maxLength: 6 }),
  slow: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
  reads: fc.array(
    fc.record({ turns: fc.constantFrom(undefined, 0, 0, 1, 2), share: fc.constantFrom(0.2, 0.99, 1, 1) }),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
});
/** Around the sizes where something changes: a token, the smallest block, a gather, the largest. */
const byteLengths = fc.oneof(
  fc.constantFrom(0, 1, 4095, 4096, 4097, 16_384, 65_535, 65_536, 65_537, 69_632, 69_633),
  fc.integer({ min: 0, max: 600_000 }),
  fc.integer({ min: 600_000, max: 3 * MAX_BLOCK_BYTES }),
);
const budgets = fc.constantFrom(0, GATHER_BYTES, 300_000, 8 * 1024 * 1024, 64 * 1024 * 1024);

describe("a pump of blocks", () => {
  it("gives every byte once, in order, and ends once with the last, whatever the sink and the reads do", async () => {
    await fc.assert(
      fc.asyncProperty(byteLengths, scripts, budgets, async (byteLength, script, most) => {
        budget.maxBytes = most;
        const watched = new Watched({ byteLength, script });
        await watched.untilOver();
        expect(watched.broken).toEqual([]);
        expect(watched.received.equals(ALL.subarray(0, byteLength))).toBe(true);
        expect(watched.pump.bytesWritten).toBe(byteLength);
        expect([watched.ends, watched.closes]).toEqual([1, 1]);
        // What makes a body look complete is never there before its end.
        const end = watched.log.findLast((entry) => entry.startsWith("end"));
        if (byteLength > 0) expect(end).not.toBe("end 0");
        expect(watched.log.at(-1)).toBe("onEnd");
        expect(budget.usedBytes).toBe(0);
        expect(noneIsOut()).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("tells of a read that fails when everything before it is out, and never ends", async () => {
    const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        byteLengths.filter((length) => length > 0),
        scripts,
        at,
        async (byteLength, script, share) => {
          const failsAt = Math.floor(byteLength * share);
          const watched = new Watched({ byteLength, script, failsAt });
          await watched.untilOver();
          expect(watched.broken).toEqual([]);
          expect(watched.error).toMatchObject({ message: `fails at ${failsAt}` });
          expect(watched.holds).toBe(false);
          expect(watched.ends).toBe(0);
          expect(watched.closes).toBe(1);
          const { received } = watched;
          expect(received.equals(ALL.subarray(0, received.byteLength))).toBe(true);
          // All that was read came out, and no more.
          expect(received.byteLength).toBe(watched.readPositions.at(-1));
          expect(received.byteLength).toBeLessThanOrEqual(failsAt);
          expect(noneIsOut()).toBe(true);
        },
      ),
      { numRuns: 120 },
    );
  });

  it("calls nothing after it was stopped, from inside of whatever it calls or from outside", async () => {
    const cases = fc.record({ byteLength: byteLengths, script: scripts, at: fc.nat(12), outside: fc.boolean() });
    let inTheMiddle = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ byteLength, script, at, outside }) => {
        const watched = new Watched({ byteLength, script, stopAt: outside ? undefined : at });
        if (outside) {
          await turns(at);
          watched.pump.stop("enough");
        }
        const length = outside ? watched.log.length : at + 1;
        await until(() => (!watched.holds && !watched.reading) || watched.over, "the sink and the reads being done");
        await turns(8);
        expect(watched.broken).toEqual([]);
        if (!outside && watched.log.length <= at) {
          // It had ended before.
          await watched.untilOver();
        } else {
          expect(watched.log).toHaveLength(length);
          inTheMiddle++;
        }
        expect(watched.closes).toBe(1);
        expect(budget.usedBytes).toBe(0);
        expect(noneIsOut()).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(inTheMiddle).toBeGreaterThan(50);
  });

  it("gives the block of a sleeping reader back, and reads the rest of it again when he wakes", async () => {
    const byteLength = 400_000;
    const watched = new Watched({ byteLength, script: { some: [0.5, 0, 1], taken: [Infinity] } });
    await until(() => watched.holds, "a piece in hand");
    expect(watched.log).toEqual(["some 32768", "write 4096"]);
    expect(budget.usedBytes).toBe(GATHER_BYTES);
    const given = watched.received.byteLength;
    await until(() => budget.usedBytes === 0, "giving the block back", 1_000);
    expect(watched.holds).toBe(true);
    expect(watched.readPositions).toEqual([0]);
    watched.take();
    await until(() => watched.readPositions.length > 1, "the next read");
    expect(watched.readPositions[1]).toBe(given);
    while (!watched.over) {
      await until(() => watched.holds || watched.over, "a piece in hand");
      watched.take();
    }
    expect(watched.received.equals(ALL.subarray(0, byteLength))).toBe(true);
    expect(watched.broken).toEqual([]);
  });

  it("gives a block back that is read for a reader who has fallen asleep meanwhile", async () => {
    // The first block goes but for a token, which the sink keeps while the next one is read.
    const watched = new Watched({
      byteLength: 400_000,
      script: {
        some: [0.99, 1],
        taken: [Infinity],
        reads: [
          { turns: 0, share: 1 },
          { turns: 0, share: 1, ms: 150 },
        ],
      },
    });
    await until(() => watched.readPositions.length === 2, "the second read");
    expect([watched.holds, watched.reading]).toEqual([true, true]);
    await until(() => !watched.reading, "the end of the second read");
    await until(() => budget.usedBytes === 0, "giving the block back", 1_000);
    expect(watched.holds).toBe(true);
    watched.take();
    await until(() => watched.readPositions.length > 2, "reading it again");
    expect(watched.readPositions[2]).toBe(watched.readPositions[1]);
    watched.pump.stop("enough");
    await turns(2);
    expect(watched.closes).toBe(1);
  });

  it.each([undefined, 150])("reads again, when the reader wakes, what could not be read (after %s ms)", async (ms) => {
    const byteLength = 100_000;
    const reads = [
      { turns: 0, share: 1 },
      { turns: 0, share: 1, ...(ms === undefined ? {} : { ms }) },
    ];
    const watched = new Watched({
      byteLength,
      script: { some: [0.99, 1], taken: [Infinity], reads },
      failsAt: GATHER_BYTES,
      failures: 1,
    });
    await until(() => watched.readPositions.length === 2 && !watched.reading, "the read that fails");
    expect(watched.holds).toBe(true);
    await until(() => budget.usedBytes === 0, "giving the block back", 1_000);
    // He has fallen asleep by then.
    await new Promise((resolve) => setTimeout(resolve, 80));
    while (!watched.over) {
      await until(() => watched.holds || watched.over, "a piece in hand");
      watched.take();
    }
    expect(watched.error).toBeUndefined();
    expect(watched.received.equals(ALL.subarray(0, byteLength))).toBe(true);
  });

  it("keeps a block that the sink has in hand, however long the reader sleeps", async () => {
    const watched = new Watched({ byteLength: 400_000, script: { some: [undefined], taken: [Infinity] } });
    await until(() => watched.holds, "a piece in hand");
    // Longer than one with a token in hand keeps his: what must not happen needs time not to.
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(budget.usedBytes).toBe(GATHER_BYTES);
    expect(watched.readPositions).toEqual([0]);
    // It may be written yet: another owner must not get these bytes.
    watched.pump.stop("enough");
    const next = leaseBlock(GATHER_BYTES).fill(0);
    // The sink compares what it has in hand with what it was given.
    watched.take();
    expect(watched.broken).toEqual([]);
    returnBlock(next);
  });

  it.each([
    ["a token", { some: [0], taken: [Infinity] }],
    ["a block", { some: [undefined], taken: [Infinity] }],
    ["the end", { some: [1], taken: [Infinity] }],
  ])("says that the reader has stalled with %s in hand, and has not stopped by itself", async (_what, script) => {
    const byteLength = 100_000;
    const watched = new Watched({ byteLength, script, stallTimeoutMs: 80 });
    await until(() => watched.log.includes("onStall"), "the stall", 1_000);
    expect(watched.over).toBe(false);
    expect(watched.closes).toBe(0);
    while (!watched.over) {
      await until(() => watched.holds || watched.over, "a piece in hand");
      watched.take();
    }
    expect(watched.received.equals(ALL.subarray(0, byteLength))).toBe(true);
    expect([watched.closes, watched.ends]).toEqual([1, 1]);
  });

  it("says nothing of a stall while the reader takes something from time to time, or the disk is slow", async () => {
    const slowReader = new Watched({
      byteLength: 60_000,
      script: { some: [0], taken: [Infinity] },
      stallTimeoutMs: 200,
    });
    const slowDisk = new Watched({
      byteLength: 60_000,
      script: { some: [undefined], taken: [1], reads: [{ turns: 0, share: 0.5, ms: 150 }] },
      stallTimeoutMs: 50,
    });
    for (let taken = 0; !slowReader.over && taken < 12; taken++) {
      await until(() => slowReader.holds || slowReader.over, "a piece in hand");
      await new Promise((resolve) => setTimeout(resolve, 50));
      slowReader.take();
    }
    slowReader.pump.stop("enough");
    await slowDisk.untilOver();
    expect(slowReader.log).not.toContain("onStall");
    expect(slowDisk.log).not.toContain("onStall");
  });

  it("reads larger blocks for a reader who takes them, and small ones again after he has slept", async () => {
    const byteLength = 5 * MAX_BLOCK_BYTES;
    const watched = new Watched({
      byteLength,
      script: { some: [1, 1, 1, 1, 1, 1, 1, 0, 1, 1], taken: [Infinity] },
    });
    await until(() => watched.holds, "a piece in hand");
    const steps = (): number[] =>
      watched.readPositions.slice(1).map((each, index) => each - watched.readPositions[index]!);
    expect(steps().slice(0, 5)).toEqual([64, 128, 256, 512, 1024].map((kibibytes) => kibibytes * 1024));
    expect(steps()).toContain(MAX_BLOCK_BYTES);
    await until(() => budget.usedBytes === 0, "giving the block back", 1_000);
    const before = watched.readPositions.length;
    watched.take();
    await until(() => watched.readPositions.length > before + 1, "the next reads");
    expect(steps()[before]).toBe(GATHER_BYTES);
    watched.pump.stop("enough");
    await turns(4);
  });

  it("keeps a block that is being read into, also when it is stopped", async () => {
    const watched = new Watched({ byteLength: 400_000, script: { reads: [{ turns: 0, share: 1, ms: 50 }] } });
    expect(watched.reading).toBe(true);
    watched.pump.stop("enough");
    expect(watched.closes).toBe(1);
    expect(budget.usedBytes).toBe(GATHER_BYTES);
    const next = leaseBlock(GATHER_BYTES).fill(0);
    await until(() => !watched.reading, "the end of the read");
    await turns(2);
    expect(next.every((byte) => byte === 0)).toBe(true);
    returnBlock(next);
  });

  it("has no way to end early", () => {
    const watched = new Watched({ byteLength: 100_000, script: { taken: [Infinity] } });
    expect(watched.pump.drain()).toBe(false);
    watched.pump.stop("enough");
    watched.pump.taken(false);
    expect(watched.log).toEqual([]);
  });
});

function noneIsOut(): boolean {
  return leasedBlocks() === 0;
}
