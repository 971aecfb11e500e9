import { assert, boolean, integer, option, property, record } from "fast-check";
import { expect, test } from "vitest";
import { type CacheControlOptions, formatCacheControl } from "../../src/http/cache-control.ts";

test.each<[options: CacheControlOptions, field: string]>([
  [{}, ""],
  [{ public: false, maxAgeSeconds: undefined }, ""],
  [{ noCache: true }, "no-cache"],
  [{ noStore: true }, "no-store"],
  [{ public: true, maxAgeSeconds: 0 }, "public, max-age=0"],
  [{ maxAgeSeconds: 31_536_000, immutable: true, public: true }, "public, max-age=31536000, immutable"],
  [{ private: true, noCache: true, noTransform: true }, "private, no-cache, no-transform"],
  [{ public: true, private: false }, "public"],
  [{ maxAgeSeconds: 60, sMaxageSeconds: 600, mustRevalidate: true }, "must-revalidate, max-age=60, s-maxage=600"],
  [
    { maxAgeSeconds: 1, staleWhileRevalidateSeconds: 2, staleIfErrorSeconds: 3 },
    "max-age=1, stale-while-revalidate=2, stale-if-error=3",
  ],
  [{ noStore: true, maxAgeSeconds: 0 }, "no-store, max-age=0"],
  [{ maxAgeSeconds: 2 ** 31 }, "max-age=2147483648"],
])("%j is %j", (options, field) => {
  expect(formatCacheControl(options)).toBe(field);
});

test.each<[options: unknown, message: RegExp]>([
  [{ public: true, private: true }, /public and private contradict each other: give the one/u],
  [{ immutable: true }, /immutable needs a maxAgeSeconds above 0/u],
  [{ immutable: true, maxAgeSeconds: 0 }, /immutable needs a maxAgeSeconds above 0/u],
  [{ immutable: true, sMaxageSeconds: 10 }, /immutable needs a maxAgeSeconds above 0/u],
  [{ private: true, sMaxageSeconds: 10 }, /maxAgeSeconds is for the user's own/u],
  [{ noStore: true, public: true }, /noStore and public/u],
  [{ noStore: true, maxAgeSeconds: 1 }, /never stored is never fresh; leave one out/u],
  [{ noStore: true, sMaxageSeconds: 1 }, /noStore and sMaxageSeconds/u],
  [{ noStore: true, staleIfErrorSeconds: 1 }, /noStore and staleIfErrorSeconds/u],
  [{ noStore: true, staleWhileRevalidateSeconds: 1 }, /noStore and staleWhileRevalidateSeconds/u],
  [{ noStore: true, immutable: true }, /noStore and immutable/u],
  [{ noCache: true, staleWhileRevalidateSeconds: 1 }, /asked about before each use/u],
  [{ noCache: true, staleIfErrorSeconds: 1 }, /noCache and staleIfErrorSeconds/u],
  [{ noCache: true, immutable: true, maxAgeSeconds: 1 }, /noCache and immutable/u],
  [{ mustRevalidate: true, staleIfErrorSeconds: 1 }, /never used stale/u],
  [{ mustRevalidate: true, staleWhileRevalidateSeconds: 1 }, /never used stale/u],
  [{ maxAgeSeconds: -1 }, /maxAgeSeconds is a number of seconds, an integer from 0 to 2147483648; got -1/u],
  [{ maxAgeSeconds: 1.5 }, /an integer from 0/u],
  [{ sMaxageSeconds: Number.NaN }, /sMaxageSeconds is .* got NaN/u],
  [{ staleIfErrorSeconds: Infinity }, /staleIfErrorSeconds is .* got Infinity/u],
  [{ staleWhileRevalidateSeconds: 2 ** 31 + 1 }, /an integer from 0 to 2147483648/u],
  [{ maxAgeSeconds: "60" }, /an integer from 0/u],
  [{ maxAgeSeconds: null }, /an integer from 0/u],
  [{ public: "yes" }, /public is true or false; got yes/u],
  [{ immutable: 1 }, /immutable is true or false; got 1/u],
  [{ maxAge: 60 }, /options are public, private, .*maxAgeSeconds.*; got "maxAge"/u],
  [{ constructor: true }, /got "constructor"/u],
  [{ "max-age": 60 }, /got "max-age"/u],
  [null, /an object; got null/u],
  ["no-cache", /an object; got no-cache/u],
])("%j is an error that says what would be right", (options, message) => {
  expect(() => formatCacheControl(options as CacheControlOptions)).toThrow(
    expect.objectContaining({
      name: "SluiceTypeError",
      code: "ERR_INVALID_OPTION",
      message: expect.stringMatching(message),
    }),
  );
});

test("every option is in the field by its name, or the field is not made", () => {
  const flag = option(boolean(), { nil: undefined });
  const seconds = option(integer({ min: 0, max: 3 }), { nil: undefined, freq: 1 });
  const options = record({
    public: flag,
    private: flag,
    noCache: flag,
    noStore: flag,
    noTransform: flag,
    mustRevalidate: flag,
    immutable: flag,
    maxAgeSeconds: seconds,
    sMaxageSeconds: seconds,
    staleWhileRevalidateSeconds: seconds,
    staleIfErrorSeconds: seconds,
  });
  let made = 0;
  assert(
    property(options, (given) => {
      let field;
      try {
        field = formatCacheControl(given);
      } catch {
        return;
      }
      made++;
      const expected = Object.entries(given)
        .filter(([, value]) => value !== undefined && value !== false)
        .map(([name, value]) => {
          const directive = name.replace(/Seconds$/u, "").replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
          return value === true ? directive : `${directive}=${value}`;
        });
      expect(field === "" ? [] : field.split(", ").toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 2000 },
  );
  expect(made).toBeGreaterThan(50);
});
