import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IdleTimer } from "../../src/core/clocks.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function idleTimer(ms: number): { timer: IdleTimer; fired: () => number } {
  let fired = 0;
  const timer = new IdleTimer(ms, () => fired++);
  return { timer, fired: () => fired };
}

describe("an idle timer", () => {
  it("fires once after its time", () => {
    const { timer, fired } = idleTimer(100);
    timer.arm();
    vi.advanceTimersByTime(99);
    expect(fired()).toBe(0);
    vi.advanceTimersByTime(2);
    expect(fired()).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(fired()).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("moves with every arming, on one timer", () => {
    const { timer, fired } = idleTimer(100);
    for (let round = 0; round < 10; round++) {
      timer.arm();
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(60);
    }
    expect(fired()).toBe(0);
    vi.advanceTimersByTime(41);
    expect(fired()).toBe(1);
  });

  it("does not fire while it is disarmed, and can be armed again", () => {
    const { timer, fired } = idleTimer(100);
    timer.arm();
    timer.disarm();
    vi.advanceTimersByTime(1000);
    expect(fired()).toBe(0);
    timer.arm();
    vi.advanceTimersByTime(101);
    expect(fired()).toBe(1);
  });

  it("leaves no timer behind when it is cleared", () => {
    const { timer, fired } = idleTimer(100);
    timer.arm();
    timer.clear();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1000);
    expect(fired()).toBe(0);
  });

  it.each([0, -1, Infinity])("never fires with %s ms", (ms) => {
    const { timer, fired } = idleTimer(ms);
    timer.arm();
    expect(vi.getTimerCount()).toBe(0);
    expect(fired()).toBe(0);
  });

  it("keeps times that are longer than a timer takes", () => {
    const days = 40 * 24 * 3600 * 1000;
    const { timer, fired } = idleTimer(days);
    timer.arm();
    vi.advanceTimersByTime(days - 10);
    expect(fired()).toBe(0);
    vi.advanceTimersByTime(20);
    expect(fired()).toBe(1);
  });
});
