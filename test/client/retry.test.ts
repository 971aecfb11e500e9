import { expect, test } from "vitest";
import { RetryPolicy, parseRetryAfter } from "../../src/client/retry.ts";

const options = { retries: 3, maxDelayMs: 1500 };

test("waits longer each time, up to a limit, between a half of it and all of it", () => {
  const longest = new RetryPolicy(options, () => 1);
  expect([longest.fail(), longest.fail(), longest.fail(), longest.fail()]).toEqual([500, 1000, 1500, undefined]);
  const shortest = new RetryPolicy(options, () => 0);
  expect([shortest.fail(), shortest.fail(), shortest.fail()]).toEqual([250, 500, 750]);
});

test("only bytes beyond all before are progress", () => {
  const policy = new RetryPolicy(options, () => 1);
  policy.advance(10);
  policy.fail();
  policy.fail();
  policy.advance(10);
  expect(policy.failures).toBe(2);
  policy.advance(11);
  expect([policy.failures, policy.fail()]).toEqual([0, 500]);
});

test("what the server asks for counts, unless it asks for too much", () => {
  const policy = new RetryPolicy(options);
  expect(policy.fail(0)).toBe(0);
  expect(policy.fail(60_000)).toBe(60_000);
  expect(policy.fail(86_400_000)).toBeUndefined();
});

test("beginnings are counted whatever progress there is", () => {
  const policy = new RetryPolicy({ ...options, retries: 2 });
  const again = (): boolean => {
    policy.advance(100);
    return policy.restart();
  };
  expect([again(), again(), again()]).toEqual([true, true, false]);
});

test.each([
  ["120", 120_000],
  ["Tue, 01 Sep 2026 00:00:30 GMT", 30_000],
  ["Mon, 31 Aug 2026 00:00:00 GMT", 0],
  ["soon", undefined],
  [null, undefined],
])("Retry-After: %s is %s ms", (field, ms) => {
  expect(parseRetryAfter(field, Date.UTC(2026, 8, 1))).toBe(ms);
});
