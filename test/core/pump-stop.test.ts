import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budget } from "../../src/core/budget.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { type Rig, type SinkMode, pullFrom, startPump, turns } from "../helpers/pump-rig.ts";

checkBudget();

const all = [new Uint8Array(20_000), "text", "€".repeat(50_000), new Uint8Array(3), "", "last"];

describe("stopping a pump", () => {
  it.each(["at once", "prompt", "slow"] as const)(
    "is final at every step, with a sink that takes %s",
    async (mode: SinkMode) => {
      const steps = fc.record({ at: fc.nat(40), later: fc.boolean(), fails: fc.boolean(), exact: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(steps, async ({ at, later, fails, exact }) => {
          const source = pullFrom(all, () => later);
          let pulls = 0;
          let seen = 0;
          let stoppedAfter: number | undefined;
          let ended = false;
          const pull: typeof source = () => {
            const item = source();
            if (fails && pulls++ === 4) throw new Error("broken");
            return item;
          };
          const rig: Rig = startPump(pull, {
            sink: mode,
            contentLength: exact ? 170_011 : undefined,
            onLog: (entry) => {
              ended ||= entry === "onEnd" || entry === "onError";
              // A call from inside the pump's own calls is the hardest: the source's, the sink's.
              if (seen++ === at && stoppedAfter === undefined) queueMicrotask(() => stop(rig));
            },
          });
          const stop = (stopped: Rig): void => {
            stopped.pump.stop("enough");
            stopped.pump.stop("again");
            stoppedAfter = stopped.log.filter((entry) => entry !== "taken").length;
          };
          await turns(60);
          if (stoppedAfter === undefined) stop(rig);
          // Only a sink that still had a piece in hand may say that it has let go of it.
          expect(rig.log.filter((entry) => entry !== "taken")).toHaveLength(stoppedAfter!);
          const cancels = rig.log.filter((entry) => entry === "cancel").length;
          expect(cancels).toBeLessThanOrEqual(ended ? 0 : 1);
          expect(budget.usedBytes).toBe(0);
        }),
        { numRuns: 120 },
      );
    },
  );

  it.each([
    ["pull that gives an item", "pull", () => "x".repeat(70_000)],
    ["pull that gives the end", "pull", () => undefined],
    [
      "pull that throws",
      "pull",
      () => {
        throw new Error("broken");
      },
    ],
    ["pull that gives a promise", "pull", () => Promise.resolve("x")],
    ["pull that gives a promise which rejects", "pull", () => Promise.reject(new Error("broken"))],
    ["write", "write", () => "x".repeat(70_000)],
    ["end", "end", () => undefined],
  ])("is final from inside the %s", async (_what, inside, give) => {
    // oxlint-disable-next-line prefer-const -- what it is given looks at it
    let rig: Rig | undefined;
    let stoppedAt: number | undefined;
    let pulls = 0;
    rig = startPump(() => (pulls++ === 0 ? Promise.resolve("first") : give()), {
      onLog: (entry) => {
        // The first pull is made before there is a pump to stop.
        if (!rig || !entry.startsWith(inside) || stoppedAt !== undefined || pulls === 0) return;
        stoppedAt = rig.log.length;
        rig.pump.stop("enough");
      },
    });
    await turns(10);
    expect(stoppedAt).toBeGreaterThan(0);
    expect(rig.over).toBe(false);
    expect(rig.log.slice(stoppedAt).filter((entry) => entry !== "cancel")).toEqual([]);
    expect(budget.usedBytes).toBe(0);
  });

  it("does not cancel a source that has ended", async () => {
    for (const fails of [false, true]) {
      const source = pullFrom(["all"]);
      let pulls = 0;
      const pull = (): ReturnType<typeof source> => {
        if (fails && pulls++ === 1) throw new Error("broken");
        return source();
      };
      const rig = startPump(pull, { sink: "by hand" });
      await turns(2);
      rig.pump.stop("enough");
      expect(rig.log).toEqual(["pull", "pull", fails ? "write 3" : "end 3"]);
    }
  });

  it("cancels the source while a pull is pending, and looks at its result no more", async () => {
    let give: (item: string) => void = () => {};
    const rig = startPump(() => new Promise<string>((resolve) => (give = resolve)));
    rig.pump.stop("enough");
    give("late");
    await turns(3);
    expect(rig.log).toEqual(["pull", "cancel"]);
  });
});
