import { array, assert, bigInt, constant, constantFrom, integer, oneof, property, string, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { formatContentRange, parseContentRange, parseRange } from "../../src/http/ranges.ts";
import { fastestMs, flood } from "./support.ts";

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
  [
    "bytes=0-0,-1",
    [
      [0, 0],
      [999, 999],
    ],
  ],
  [
    "bytes=0-9,-10",
    [
      [0, 9],
      [990, 999],
    ],
  ],
  [`bytes=0-${"9".repeat(31)}`, [[0, 999]]],
  [`bytes=1${"0".repeat(26)}-`, "unsatisfiable"],
  [`bytes=${"0".repeat(400)}1-${"0".repeat(400)}8`, [[1, 8]]],
  ["bytes=0005-8", [[5, 8]]],
  ["bytes=8-0005", undefined],
  // Numbers that are equal as floating-point numbers
  ["bytes=9007199254740992-9007199254740993", "unsatisfiable"],
  ["bytes=9007199254740993-9007199254740992", undefined],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=1000-", "unsatisfiable"],
  ["bytes=5000-", "unsatisfiable"],
  ["bytes=5000-6000", "unsatisfiable"],
  [`bytes=${huge}-`, "unsatisfiable"],
  ["bytes=1000-,-0", "unsatisfiable"],
  ["bytes=5-2", undefined],
  ["bytes=0-5,5-2", undefined],
  ["bytes=0-5,10", undefined],
  ["bytes=5000-,5-2", undefined],
  ["bytes=0-5 10-20", undefined],
  ["bytes=0-5;10-20", undefined],
  ["bytes =0-5", undefined],
  [" bytes=0-5", undefined],
  ["byte\u017f=0-5", undefined],
  ["bytes=0-5, bytes=10-20", undefined],
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

describe("several ranges", () => {
  test.each<[field: string, ranges: [number, number][] | undefined]>([
    // Neighbours become one
    ["0-4,5-9", [[0, 9]]],
    ["5-9,0-4", [[0, 9]]],
    ["0-9,5-14", [[0, 14]]],
    ["0-99,10-19", [[0, 99]]],
    ["0-9,0-9", [[0, 9]]],
    ["0-0,128-200", [[0, 200]]],
    [
      "0-0,129-200",
      [
        [0, 0],
        [129, 200],
      ],
    ],
    ["0-9,100-109,200-209", [[0, 209]]],
    ["0-499,500-", [[0, 999]]],
    // In the order asked, one made of several in the place of the first of them
    [
      "500-509,0-9,510-519",
      [
        [500, 519],
        [0, 9],
      ],
    ],
    [
      "900-,0-9,300-309,400-409",
      [
        [900, 999],
        [0, 9],
        [300, 409],
      ],
    ],
    [
      "300-309,900-,0-9,400-409",
      [
        [300, 409],
        [900, 999],
        [0, 9],
      ],
    ],
    [
      "5000-,700-,0-9",
      [
        [700, 999],
        [0, 9],
      ],
    ],
    // Too many
    [Array.from({ length: 16 }, (_, index) => `${index * 2}-${index * 2}`).join(","), [[0, 30]]],
    [Array.from({ length: 17 }, (_, index) => `${index * 2}-${index * 2}`).join(","), undefined],
    [`0-0${",5000-".repeat(16)}`, undefined],
    [`0-0${",5000-".repeat(15)}`, [[0, 0]]],
    // Too many overlaps
    ["0-9,5-14,10-19", [[0, 19]]],
    ["0-9,0-9,0-9", [[0, 9]]],
    ["0-9,0-9,0-9,0-9", undefined],
    ["0-999,0-0,300-300,600-600", undefined],
    ["0-0,300-300,600-600,0-999", [[0, 999]]],
    // Too many descents
    [
      "800-809,600-609,400-409,200-209,0-9",
      [
        [800, 809],
        [600, 609],
        [400, 409],
        [200, 209],
        [0, 9],
      ],
    ],
    ["990-,800-809,600-609,400-409,200-209,0-9", undefined],
  ])("of 1000 bytes, %s are %j", (set, expected) => {
    const ranges = parseRange(`bytes=${set}`, 1000);
    expect(Array.isArray(ranges) ? ranges.map(({ first, last }) => [first, last]) : ranges).toEqual(expected);
  });

  test("are what a slow and obvious reading of the field says", () => {
    const number = oneof(integer({ min: 0, max: 700 }).map(String), bigInt({ min: 0n, max: 10n ** 30n }).map(String));
    const spec = oneof(
      { weight: 12, arbitrary: tuple(integer({ min: 0, max: 700 }), integer({ min: 0, max: 40 })).map(toSpec) },
      { weight: 6, arbitrary: tuple(integer({ min: 0, max: 4 }), integer({ min: 0, max: 9 })).map(toFarSpec) },
      { weight: 2, arbitrary: number.map((first) => `${first}-`) },
      { weight: 2, arbitrary: number.map((suffix) => `-${suffix}`) },
      { weight: 1, arbitrary: tuple(number, number).map(([first, last]) => `${first}-${last}`) },
      { weight: 1, arbitrary: constantFrom("", " ", "\t", "-0", "700-") },
    );
    const invalid = constantFrom("-", "a", "5", "1-2-3", "1 -2", "9-8");
    const sets = tuple(
      array(spec, { minLength: 1, maxLength: 18 }),
      oneof({ weight: 9, arbitrary: constant([]) }, { weight: 1, arbitrary: invalid.map((text) => [text]) }),
      constantFrom(",", ", ", "\t,", " ,, "),
    ).map(([specs, more, comma]) => [...specs, ...more].join(comma));
    const outcomes = new Set<string>();
    assert(
      property(sets, integer({ min: 0, max: 650 }), (set, completeLength) => {
        const ranges = parseRange(`bytes=${set}`, completeLength);
        expect(ranges).toEqual(referenceRanges(set, completeLength));
        outcomes.add(Array.isArray(ranges) ? String(ranges.length) : String(ranges));
      }),
      { numRuns: 5000 },
    );
    // The generator reaches every kind of answer.
    expect([...outcomes]).toEqual(expect.arrayContaining(["undefined", "unsatisfiable", "1", "2", "3", "4"]));
  });
});

test.each([
  flood("0-,"),
  flood("0-0,"),
  Array.from({ length: 3000 }, (_, index) => `0-${index}`).join(","),
  flood(","),
  flood(" "),
  flood("\t,"),
  `${flood(" ,")}x`,
  flood("9"),
  `${flood("9")}-`,
  `0-${flood("9")}x`,
  `0-${flood(" ")}x`,
  `${flood(" ")}0-1${flood(" ")}1`,
  `${flood("0")}1-${flood("0")}`,
  `0-1${flood(",")}`,
])("a flood costs less than a millisecond (%#)", (set) => {
  expect(fastestMs(() => parseRange(`bytes=${set}`, 1_000_000))).toBeLessThan(1);
});

describe("Content-Range", () => {
  test("names the range and the complete length", () => {
    expect(formatContentRange({ first: 0, last: 8 }, 1000)).toBe("bytes 0-8/1000");
    expect(formatContentRange(undefined, 1000)).toBe("bytes */1000");
  });

  test.each<[field: string, first: number | undefined, last: number | undefined, completeLength: number | undefined]>([
    ["bytes 0-8/1000", 0, 8, 1000],
    ["bytes 0-0/1", 0, 0, 1],
    ["BYTES 990-999/1000", 990, 999, 1000],
    ["bytes 0-8/*", 0, 8, undefined],
    ["bytes */1000", undefined, undefined, 1000],
    ["bytes */0", undefined, undefined, 0],
    ["bytes 0-9007199254740990/9007199254740991", 0, 9007199254740990, 9007199254740991],
  ])("%s is read", (field, first, last, completeLength) => {
    const range = first === undefined || last === undefined ? undefined : { first, last };
    expect(parseContentRange(field)).toEqual({ range, completeLength });
  });

  test.each([
    null,
    "",
    "bytes",
    "bytes ",
    "bytes 0-8",
    "bytes 0-8/",
    "bytes */*",
    "bytes 8-0/1000",
    "bytes 0-1000/1000",
    "bytes 0-0/0",
    "bytes -8/1000",
    "bytes 0-/1000",
    "bytes=0-8/1000",
    "bytes  0-8/1000",
    "bytes 0 - 8/1000",
    "bytes 0-8/1000 ",
    "bytes 0-8/1000, bytes 9-10/1000",
    "items 0-8/1000",
    "0-8/1000",
    "bytes 0-8/-1",
    "bytes 0-8/1e3",
    "bytes 0-8/9007199254740992",
    "bytes 9007199254740992-9007199254740993/*",
    `bytes 0-${huge}/*`,
    `bytes */${huge}`,
  ])("%j is not to be used", (field) => {
    expect(parseContentRange(field)).toBeUndefined();
  });

  test("that was written is read back", () => {
    const size = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    assert(
      property(size, size, size, (a, b, c) => {
        const [first, last, completeLength] = [a, b, c].toSorted((x, y) => x - y) as [number, number, number];
        if (last === completeLength) return;
        const range = { first, last };
        expect(parseContentRange(formatContentRange(range, completeLength))).toEqual({ range, completeLength });
        expect(parseContentRange(formatContentRange(undefined, completeLength))).toEqual({
          range: undefined,
          completeLength,
        });
      }),
    );
  });
});

function toSpec([first, length]: [number, number]): string {
  return `${first}-${first + length}`;
}

/** One of five that are too far from each other to become one. */
function toFarSpec([slot, length]: [number, number]): string {
  return toSpec([slot * 150, length]);
}

/** RFC 9110 §14.1.2 and our limits, by marking bytes one at a time. */
function referenceRanges(set: string, completeLength: number): ReturnType<typeof parseRange> {
  if (completeLength === 0) return undefined;
  const specs = set.split(",").map((spec) => spec.trim());
  const asked: Set<number>[] = [];
  let count = 0;
  for (const spec of specs) {
    if (spec === "") continue;
    if (!/^\d+-\d*$|^-\d+$/u.test(spec)) return undefined;
    count++;
    const [from, to] = spec.split("-").map((digits) => (digits === "" ? undefined : BigInt(digits)));
    if (from !== undefined && to !== undefined && to < from) return undefined;
    const bytes = new Set<number>();
    for (let position = 0; position < completeLength; position++) {
      const isIn =
        from === undefined
          ? BigInt(completeLength - position) <= to!
          : BigInt(position) >= from && (to === undefined || BigInt(position) <= to);
      if (isIn) bytes.add(position);
    }
    if (bytes.size > 0) asked.push(bytes);
  }
  if (count === 0 || count > 16) return undefined;
  if (asked.length === 0) return "unsatisfiable";
  const before = new Set<number>();
  let overlaps = 0;
  let descents = 0;
  for (const [index, bytes] of asked.entries()) {
    if (!bytes.isDisjointFrom(before)) overlaps++;
    if (index > 0 && Math.min(...bytes) < Math.min(...asked[index - 1]!)) descents++;
    for (const position of bytes) before.add(position);
  }
  if (overlaps > 2 || descents > 4) return undefined;
  const sent = new Set(before);
  for (const position of before) {
    let gap = 0;
    while (position + gap + 1 < completeLength && !before.has(position + gap + 1)) gap++;
    if (gap < 128 && before.has(position + gap + 1)) {
      for (let step = 1; step <= gap; step++) sent.add(position + step);
    }
  }
  const ranges: { first: number; last: number }[] = [];
  for (const bytes of asked) {
    let first = Math.min(...bytes);
    let last = first;
    while (sent.has(first - 1)) first--;
    while (sent.has(last + 1)) last++;
    if (!ranges.some((range) => range.first === first)) ranges.push({ first, last });
  }
  return ranges;
}
