import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SluiceError } from "../../src/errors.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { type SinkMode, pullFrom, startPump } from "../helpers/pump-rig.ts";

checkBudget();

const parts = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "€", "😀"), maxLength: 20 }),
    fc.integer({ min: 0, max: 40_000 }).map((length) => new Uint8Array(length)),
  ),
  { maxLength: 8 },
);
const sink = fc.constantFrom<SinkMode>("at once", "prompt", "slow");

function byteLengthOf(all: readonly (string | Uint8Array)[]): number {
  return all.reduce((sum, item) => sum + Buffer.byteLength(item), 0);
}

describe("a pump with a contentLength", () => {
  it("ends where the source gives exactly that", async () => {
    await fc.assert(
      fc.asyncProperty(parts, sink, fc.boolean(), async (all, mode, later) => {
        const contentLength = byteLengthOf(all);
        const rig = startPump(
          pullFrom(all, () => later),
          { sink: mode, contentLength },
        );
        await rig.untilOver();
        expect(rig.error).toBeUndefined();
        expect(rig.bytes.byteLength).toBe(contentLength);
      }),
      { numRuns: 100 },
    );
  });

  it("fails before the length is reached where the source gives more", async () => {
    await fc.assert(
      fc.asyncProperty(
        parts,
        sink,
        fc.boolean(),
        fc.integer({ min: 1, max: 50_000 }),
        async (all, mode, later, excess) => {
          const contentLength = Math.max(0, byteLengthOf(all) - excess);
          fc.pre(byteLengthOf(all) > contentLength);
          const rig = startPump(
            pullFrom(all, () => later),
            { sink: mode, contentLength },
          );
          await rig.untilOver();
          expect((rig.error as SluiceError).code).toBe("ERR_CONTENT_LENGTH_EXCEEDED");
          // A reader that has all the bytes that were announced takes the body for complete.
          expect(rig.bytes.byteLength).toBeLessThan(Math.max(1, contentLength));
          expect(rig.log).not.toContain("onEnd");
        },
      ),
      { numRuns: 100 },
    );
  });

  it("fails where the source gives less, after all that it gave", async () => {
    await fc.assert(
      fc.asyncProperty(
        parts,
        sink,
        fc.boolean(),
        fc.integer({ min: 1, max: 50_000 }),
        async (all, mode, later, missing) => {
          const rig = startPump(
            pullFrom(all, () => later),
            { sink: mode, contentLength: byteLengthOf(all) + missing },
          );
          await rig.untilOver();
          expect((rig.error as SluiceError).code).toBe("ERR_CONTENT_LENGTH_NOT_REACHED");
          expect(rig.bytes.byteLength).toBeLessThan(byteLengthOf(all) + missing);
          expect(rig.log).not.toContain("onEnd");
        },
      ),
      { numRuns: 100 },
    );
  });

  it("cancels an endless source that gives more", async () => {
    const rig = startPump(() => "x".repeat(1000), { contentLength: 100_000 });
    await rig.untilOver();
    expect((rig.error as SluiceError).code).toBe("ERR_CONTENT_LENGTH_EXCEEDED");
    expect(rig.log.filter((entry) => entry === "cancel")).toHaveLength(1);
  });

  it("reports the source's own error, and not the length that it could not reach", async () => {
    let pulls = 0;
    const rig = startPump(
      () => {
        if (pulls++ > 0) throw new Error("broken");
        return "some";
      },
      { contentLength: 100 },
    );
    await rig.untilOver();
    expect(rig.error).toEqual(new Error("broken"));
    expect(rig.bytes.toString()).toBe("some");
  });

  it("never lets a body that failed at its last byte look complete", async () => {
    let pulls = 0;
    const rig = startPump(
      () => {
        if (pulls++ > 0) throw new Error("broken");
        return "exactly";
      },
      { contentLength: 7 },
    );
    await rig.untilOver();
    expect(rig.error).toEqual(new Error("broken"));
    expect(rig.bytes.byteLength).toBeLessThan(7);
  });
});
