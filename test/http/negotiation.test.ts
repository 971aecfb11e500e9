import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ContentCoding, negotiateCoding, parseWeights } from "../../src/http/negotiation.ts";
import { fastestMs, flood } from "./support.ts";

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
    ["gzip ; q=0.5 ,\tbr;q=0.4\t", "gzip"],
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
    ["*, identity;q=0", "zstd"],
    ["*;q=0, identity", undefined],
    ["*;q=0, gzip;q=0.001", "gzip"],
    // What is not named is what * says, identity too
    ["gzip;q=0.5, *", "zstd"],
    ["gzip;q=0.5, br;q=0, zstd;q=0, *", undefined],
    ["gzip;q=0.5, br;q=0, zstd;q=0, *;q=0.5", "gzip"],
    // An old name of gzip
    ["x-gzip, *;q=0", "gzip"],
    ["x-gzip;q=0, *", "zstd"],
    ["x-gzip;q=0, br;q=0, zstd;q=0, *", undefined],
    ["gzip;q=0, x-gzip", undefined],
    ["X-GZIP;q=0.5, br;q=0.4", "gzip"],
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

  it("is the first on offer among equals", () => {
    expect(negotiateCoding("zstd, br, gzip", ["gzip", "br", "zstd"])).toBe("gzip");
    expect(negotiateCoding("*", ["br", "zstd"])).toBe("br");
    expect(negotiateCoding("zstd;q=0.5, br;q=0.5, gzip;q=0.4", ["gzip", "br", "zstd"])).toBe("br");
  });

  it("is what RFC 9110 §12.5.3 says step by step, whatever the client sends", () => {
    const names = fc.constantFrom("gzip", "x-gzip", "br", "zstd", "identity", "*", "deflate");
    const members = fc.uniqueArray(fc.record({ name: names, thousandths: fc.option(weights) }), {
      selector: ({ name }) => name,
    });
    const offers = fc.shuffledSubarray<ContentCoding>(["zstd", "br", "gzip"]);
    const outcomes = new Set<string | undefined>();
    fc.assert(
      fc.property(members, offers, (accepted, available) => {
        const field = accepted
          .map(({ name, thousandths }) => (thousandths === null ? name : `${name};q=${thousandths / 1000}`))
          .join(", ");
        const coding = negotiateCoding(field, available);
        expect(coding).toBe(referenceCoding(accepted, available));
        outcomes.add(coding);
      }),
      { numRuns: 3000 },
    );
    expect(outcomes.size).toBe(4);
  });

  it("is none or one on offer that is named, whatever the field is", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: fc.constantFrom("gzip", "br", "q", "=", ";", ",", " ", "0", "1", ".", "*", "\t") }),
        ),
        (field) => {
          const coding = negotiateCoding(field);
          if (coding !== undefined) expect(field.toLowerCase()).toMatch(new RegExp(`${coding}|\\*`, "u"));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    flood("a,"),
    flood(","),
    flood(" "),
    flood("a;q=0.5,"),
    Array.from({ length: 3000 }, (_, index) => index.toString(36)).join(","),
    `gzip${flood(";")}`,
    `gzip${flood("; ")}`,
    `gzip;${flood(" ")}q`,
    `gzip;q${flood(" ")}x`,
    `gzip${flood(";q")}`,
    `gzip;q=${flood("0")}`,
  ])("of a flood is found in a moment (%#)", (field) => {
    expect(fastestMs(() => negotiateCoding(field))).toBeLessThan(2);
  });
});

/** From 0 to 1000, the ends more often. */
const weights = fc.oneof(fc.constantFrom(0, 1, 500, 1000), fc.integer({ min: 0, max: 1000 }));

interface Accepted {
  name: string;
  thousandths: number | null;
}

/** Looks each coding up by the words of RFC 9110 §12.5.3, then tries every better candidate. */
function referenceCoding(accepted: Accepted[], available: ContentCoding[]): ContentCoding | undefined {
  const qualityOf = (name: string): number | undefined => {
    const member = accepted.find((candidate) => candidate.name === name);
    return member && (member.thousandths ?? 1000);
  };
  // "*" matches any available content coding not explicitly listed.
  const qualityFor = (coding: string): number => {
    const listed = qualityOf(coding) ?? (coding === "gzip" ? qualityOf("x-gzip") : undefined);
    return listed ?? qualityOf("*") ?? 0;
  };
  const acceptable = available.filter((coding) => qualityFor(coding) > 0);
  const preferred = acceptable.filter((coding) => acceptable.every((other) => qualityFor(other) <= qualityFor(coding)));
  const [coding] = preferred;
  return coding !== undefined && qualityFor(coding) >= qualityFor("identity") ? coding : undefined;
}

describe("weights", () => {
  it("are of something: what has no name is passed over", () => {
    expect([...parseWeights(";q=1, ,;, b")]).toEqual([["b", 1]]);
  });

  it("are the last of two by one name", () => {
    expect([...parseWeights("a;q=0.5, a;q=0")]).toEqual([["a", 0]]);
  });

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
