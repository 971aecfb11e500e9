import { assert, double, integer, nat, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { nextCursor } from "../../src/streams/cursor.ts";

const START_MS = Date.UTC(2024, 9, 9);
const INTERVAL_MS = 20_000;
/** What the protocol allows a cursor to be put forward by: up to an hour. */
const MAX_STEPS = 3600 / 20;

describe("a cursor", () => {
  test("is the number of the interval of 20 s since 2024-10-09", () => {
    expect(nextCursor(null, START_MS)).toBe("0");
    expect(nextCursor(null, START_MS + INTERVAL_MS - 1)).toBe("0");
    expect(nextCursor(null, START_MS + INTERVAL_MS)).toBe("1");
    expect(nextCursor(null, Date.UTC(2024, 9, 10))).toBe(String((24 * 60 * 60) / 20));
  });

  test("is the same for all who have none, or an earlier one", () => {
    const nowMs = START_MS + 100 * INTERVAL_MS;
    for (const own of [null, "0", "99", "", "-5", "1.5", "abc", "9".repeat(16)]) {
      expect(nextCursor(own, nowMs), String(own)).toBe("100");
    }
  });

  test("is greater than the reader's own, and by no more than an hour", () => {
    assert(
      property(
        nat(1e9),
        integer({ min: 0, max: 1e6 }),
        double({ min: 0, max: 1, noNaN: true }),
        (now, ahead, random) => {
          const next = Number(nextCursor(String(now + ahead), START_MS + now * INTERVAL_MS, () => random));
          expect(next).toBeGreaterThan(now + ahead);
          expect(next).toBeLessThanOrEqual(now + ahead + MAX_STEPS);
        },
      ),
    );
  });
});
