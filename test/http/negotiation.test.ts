import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ContentCoding, negotiateCoding, parseWeights } from "../../src/http/negotiation.ts";

describe("the coding of a response", () => {
  it.each<[string | null, ContentCoding | undefined]>([
    [null, undefined],
    ["", undefined],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, br", "br"],
    ["GZIP", "gzip"],
    ["*", "zstd"],
    ["deflate", undefined],
    ["identity", undefined],
    // Weights
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["gzip; q=0.8, br;q=0.9, zstd;q=0.1", "br"],
    ["gzip;q=0.001", "gzip"],
    ["gzip;q=0.5, identity;q=0.5", "gzip"],
    ["gzip;q=0.5, identity", undefined],
    ["gzip;q=0.5, identity;q=0.4", "gzip"],
    // Refusals
    ["gzip;q=0", undefined],
    ["gzip;q=0.000", undefined],
    ["zstd;q=0, *", "br"],
    ["*;q=0", undefined],
    ["gzip, *;q=0", "gzip"],
    ["identity;q=0", undefined],
    ["identity;q=0, gzip", "gzip"],
    ["identity;q=0, deflate", undefined],
    ["*;q=0.5, gzip", "gzip"],
    ["*;q=0.5, gzip;q=0.1", "zstd"],
    // Garbage
    [",,", undefined],
    [";q=1", undefined],
    ["gzip;q=2", undefined],
    ["gzip;q=-1, br", "br"],
    ["gzip;q=abc", undefined],
    ["gzip;q=0.1234", undefined],
    ["gzip;level=9;q=0.5, br;q=0.4", "gzip"],
    ["gzip;q =0", undefined],
    ["gzip;q= 0", undefined],
    ["gzip;q=\u0000", undefined],
  ])("for %j is %s", (field, coding) => {
    expect(negotiateCoding(field)).toBe(coding);
  });

  it("is one that is on offer", () => {
    expect(negotiateCoding("zstd, br, gzip;q=0.1", ["gzip"])).toBe("gzip");
    expect(negotiateCoding("*", ["br"])).toBe("br");
    expect(negotiateCoding("zstd", ["br", "gzip"])).toBeUndefined();
    expect(negotiateCoding("gzip", [])).toBeUndefined();
  });

  it("is never one that the client refuses or does not name, whatever it sends", () => {
    const member = fc.tuple(
      fc.constantFrom("gzip", "br", "zstd", "identity", "*", "x", ""),
      fc.constantFrom("", ";q=0", ";q=0.5", ";q=1", ";q=x"),
    );
    const fields = fc.oneof(
      fc.string(),
      fc.array(member.map(([name, q]) => name + q)).map((members) => members.join(", ")),
    );
    fc.assert(
      fc.property(fields, (field) => {
        const coding = negotiateCoding(field);
        if (coding === undefined) return;
        expect(field.toLowerCase()).toMatch(new RegExp(`${coding}|\\*`, "u"));
        const weights = parseWeights(field);
        const weight = weights.get(coding) ?? weights.get("*") ?? weights.get(`x-${coding}`) ?? 0;
        expect(weight).toBeGreaterThan(0);
        expect(weight).toBeGreaterThanOrEqual(weights.get("identity") ?? 0);
      }),
    );
  });
});

describe("weights", () => {
  it("are by name, in lower case, 1 unless said otherwise", () => {
    expect([...parseWeights("A;q=0.5, b ; x=y , *;q=0")]).toEqual([
      ["a", 0.5],
      ["b", 1],
      ["*", 0],
    ]);
  });

  it("that are none make their member be passed over", () => {
    expect([...parseWeights("a;q=1.1, b;q=, c;q=0.1234, d;Q=0.2")]).toEqual([["d", 0.2]]);
  });
});
