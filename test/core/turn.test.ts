import { describe, expect, it, onTestFinished } from "vitest";
import { afterTurn } from "../../src/core/turn.ts";
import { within } from "../helpers/deadline.ts";

/** Resolves when everything that is queued now has run. */
function queueHasRun(): Promise<void> {
  return within(new Promise<void>((resolve) => afterTurn(resolve)), "the next turn");
}

function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("afterTurn", () => {
  it("runs tasks in order, each once, and not before the loop has turned", async () => {
    const ran: number[] = [];
    for (const task of [1, 2, 3]) afterTurn(() => ran.push(task));
    await Promise.resolve();
    expect(ran).toEqual([]);
    await queueHasRun();
    expect(ran).toEqual([1, 2, 3]);
  });

  it("runs in a later turn what a task queues", async () => {
    const ran: string[] = [];
    afterTurn(() => {
      ran.push("first");
      afterTurn(() => ran.push("second"));
      setImmediate(() => ran.push("between"));
    });
    await queueHasRun();
    await queueHasRun();
    await queueHasRun();
    expect(ran.indexOf("second")).toBeGreaterThan(ran.indexOf("first"));
    expect(ran).toHaveLength(3);
  });

  it("lets the loop turn when many tasks take long, and goes on in order", async () => {
    const ran: number[] = [];
    let timersRun = 0;
    const timer = setInterval(() => timersRun++, 1);
    onTestFinished(() => clearInterval(timer));
    for (let task = 0; task < 100; task++) {
      afterTurn(() => {
        spin(1);
        ran.push(task);
      });
    }
    await queueHasRun();
    expect(ran).toEqual(Array.from({ length: 100 }, (_, index) => index));
    // 100 ms of work, in shares of about 10 to 26 ms.
    expect(timersRun).toBeGreaterThanOrEqual(3);
  });

  it("runs the others where one throws, and lets the error be seen", async () => {
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error));
    onTestFinished(() => {
      for (const listener of listeners) process.on("uncaughtException", listener);
    });
    const ran: string[] = [];
    afterTurn(() => {
      throw new Error("one task's own");
    });
    afterTurn(() => ran.push("other"));
    await queueHasRun();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ran).toEqual(["other"]);
    expect(thrown).toEqual([new Error("one task's own")]);
  });
});
