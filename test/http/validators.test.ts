import { array, assert, boolean, constantFrom, integer, property, string, tuple } from "fast-check";
import { expect, test } from "vitest";
import {
  formatHttpDate,
  matchesStrongly,
  matchesWeakly,
  parseEntityTags,
  parseHttpDate,
} from "../../src/http/validators.ts";
import { fastestMs, flood } from "./support.ts";

const moment = Date.UTC(1994, 10, 6, 8, 49, 37);

test.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
  "reads the date %s",
  (field) => {
    expect(parseHttpDate(field, Date.UTC(2026, 0, 1))).toBe(moment);
  },
);

test.each([
  "",
  "yesterday",
  "1994-11-06T08:49:37Z",
  "Sun, 06 Nov 1994 08:49:37",
  "Sun, 06 Nov 1994 08:49:37 CET",
  "Sun, 31 Feb 1994 08:49:37 GMT",
  "Sun, 06 Foo 1994 08:49:37 GMT",
  "Sun, 06 anF 1994 08:49:37 GMT",
  "Sun, 06 Nov 1994 24:49:37 GMT",
  "Sun, 06 Nov 1994 08:60:37 GMT",
  " Sun, 06 Nov 1994 08:49:37 GMT",
  "0",
])("takes %j for no date", (field) => {
  expect(parseHttpDate(field)).toBeUndefined();
});

test("a year of two digits lies at most 50 years ahead", () => {
  expect(parseHttpDate("Friday, 06-Nov-76 08:49:37 GMT", Date.UTC(2026, 0, 1))).toBe(Date.UTC(2076, 10, 6, 8, 49, 37));
  expect(parseHttpDate("Saturday, 06-Nov-77 08:49:37 GMT", Date.UTC(2026, 0, 1))).toBe(
    Date.UTC(1977, 10, 6, 8, 49, 37),
  );
});

test("every date that is written is read back", () => {
  assert(
    property(integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      expect(parseHttpDate(formatHttpDate(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});

test.each<[field: string, tags: string[] | "*"]>([
  ['"a"', ['"a"']],
  ['W/"a"', ['W/"a"']],
  ['"a", W/"b" ,"c"', ['"a"', 'W/"b"', '"c"']],
  [', "a",,"b",', ['"a"', '"b"']],
  ['"a,b"', ['"a,b"']],
  ['""', ['""']],
  ["*", "*"],
  [" * ", "*"],
  ["a", []],
  ['"a', []],
  ['"a" "b"', []],
  ['"a", b', []],
  ['w/"a"', []],
  ['"a b"', []],
  ["", []],
])("reads the tags of %j", (field, tags) => {
  expect(parseEntityTags(field)).toEqual(tags);
});

test.each<[a: string, b: string, strongly: boolean, weakly: boolean]>([
  ['W/"1"', 'W/"1"', false, true],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', false, true],
  ['"1"', '"1"', true, true],
])("compares %s and %s as RFC 9110 §8.8.3.2 does", (a, b, strongly, weakly) => {
  expect([matchesStrongly(a, b), matchesStrongly(b, a)]).toEqual([strongly, strongly]);
  expect([matchesWeakly(a, b), matchesWeakly(b, a)]).toEqual([weakly, weakly]);
});

test("whatever tags are in a list, they are read back", () => {
  const characters = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).filter((character) =>
    /[\x21\x23-\x7e\x80-\xff]/u.test(character),
  );
  const opaque = string({ unit: constantFrom(...characters), maxLength: 12 });
  const tags = array(tuple(boolean(), opaque).map(([isWeak, text]) => `${isWeak ? "W/" : ""}"${text}"`));
  assert(
    property(tags, constantFrom(",", ", ", " ,\t", ",,", " , , "), (list, comma) => {
      expect(parseEntityTags(list.join(comma))).toEqual(list);
    }),
    { numRuns: 1000 },
  );
});

test.each([flood('"",'), flood(","), flood(" "), flood('"'), `"${flood("a")}`, `${flood(" ,")}x`])(
  "a flood of tags is looked at in a moment (%#)",
  (field) => {
    expect(fastestMs(() => parseEntityTags(field))).toBeLessThan(5);
  },
);

test.each([flood("Sun, "), flood("0"), `Sun, 06 Nov 1994 08:49:37${flood(" ")}`])(
  "a flood that is no date is looked at in a moment (%#)",
  (field) => {
    expect(fastestMs(() => parseHttpDate(field))).toBeLessThan(1);
  },
);
