import { assert, integer, property, string } from "fast-check";
import { expect, test } from "vitest";
import { formatContentRange, parseRange } from "../../src/http/ranges.ts";

const huge = "9".repeat(400);

test.each<[field: string, ranges: [number, number][] | "unsatisfiable" | undefined]>([
  ["bytes=0-8", [[0, 8]]],
  ["bytes=0-0", [[0, 0]]],
  ["bytes=990-", [[990, 999]]],
  ["bytes=999-999", [[999, 999]]],
  ["bytes=-10", [[990, 999]]],
  ["bytes=-1", [[999, 999]]],
  ["bytes=-2000", [[0, 999]]],
  ["bytes=990-1990", [[990, 999]]],
  [`bytes=0-${huge}`, [[0, 999]]],
  ["bytes=0-9007199254740993", [[0, 999]]],
  ["BYTES=0-5", [[0, 5]]],
  ["bytes=0-8,", [[0, 8]]],
  ["bytes=, ,0-8\t,", [[0, 8]]],
  ["bytes= 0-8", [[0, 8]]],
  ["bytes=0-9,5000-", [[0, 9]]],
  [
    "bytes=500-509, 0-9",
    [
      [500, 509],
      [0, 9],
    ],
  ],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=1000-", "unsatisfiable"],
  ["bytes=5000-6000", "unsatisfiable"],
  [`bytes=${huge}-`, "unsatisfiable"],
  ["bytes=1000-,-0", "unsatisfiable"],
  ["bytes=5-2", undefined],
  ["bytes=0-5,5-2", undefined],
  ["bytes=alpha", undefined],
  ["bytes=10", undefined],
  ["bytes=", undefined],
  ["bytes=-", undefined],
  ["bytes=--1", undefined],
  ["bytes=1-2-3", undefined],
  ["bytes=0x1-5", undefined],
  ["bytes=+1-5", undefined],
  ["bytes=1.0-5", undefined],
  ["bytes=1e2-", undefined],
  ["bytes=0 -5", undefined],
  ["bytes=٠-٥", undefined],
  ["bytes 0-5", undefined],
  ["items=0-5", undefined],
  ["", undefined],
  [`bytes=${"0-0,".repeat(17)}`, undefined],
  [`bytes=${",".repeat(15_000)}`, undefined],
])("of 1000 bytes, %s asks for %j", (field, expected) => {
  const ranges = parseRange(field, 1000);
  expect(Array.isArray(ranges) ? ranges.map(({ first, last }) => [first, last]) : ranges).toEqual(expected);
});

test.each(["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=-0"])(
  "of nothing, %s asks for nothing that could be missing",
  (field) => {
    expect(parseRange(field, 0)).toBeUndefined();
  },
);

test("a request without the field asks for everything", () => {
  expect(parseRange(null, 1000)).toBeUndefined();
});

test("whatever the field says, a range lies inside", () => {
  const specs = string({ unit: integer({ min: 0, max: 13 }).map((index) => "0123456789-, b"[index]!), maxLength: 40 });
  assert(
    property(specs, integer({ min: 0, max: 1200 }), (set, completeLength) => {
      const ranges = parseRange(`bytes=${set}`, completeLength);
      if (!Array.isArray(ranges)) return;
      expect(ranges.length).toBeGreaterThan(0);
      for (const { first, last } of ranges) {
        expect(first).toBeGreaterThanOrEqual(0);
        expect(last).toBeGreaterThanOrEqual(first);
        expect(last).toBeLessThan(completeLength);
      }
    }),
    { numRuns: 5000 },
  );
});

test("Content-Range names the range and the complete length", () => {
  expect(formatContentRange({ first: 0, last: 8 }, 1000)).toBe("bytes 0-8/1000");
  expect(formatContentRange(undefined, 1000)).toBe("bytes */1000");
});
