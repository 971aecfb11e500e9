import { createHash } from "node:crypto";
import { array, assert, constantFrom, property, string, tuple, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { formatReprDigest, parseReprDigest } from "../../src/http/digest.ts";
import { fastestMs, flood } from "./support.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

describe("Repr-Digest", () => {
  test("is that of RFC 9530 §B.1's example", () => {
    const sha256 = createHash("sha256").update('{"hello": "world"}\n').digest();
    expect(formatReprDigest(sha256)).toBe("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
  });

  test.each([0, 16, 31, 33, 64])("of %i bytes is an error", (length) => {
    expect(() => formatReprDigest(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });

  test("that was written is read back", () => {
    assert(
      property(uint8Array({ minLength: 32, maxLength: 32 }), (sha256) => {
        const field = formatReprDigest(sha256);
        expect(field).toBe(`sha-256=:${Buffer.from(sha256).toString("base64")}:`);
        expect([...parseReprDigest(field)]).toEqual([["sha-256", sha256]]);
      }),
    );
  });

  test.each<[field: string, digests: [string, Uint8Array][]]>([
    ["sha-256=:AQID:", [["sha-256", bytes("010203")]]],
    [
      "sha-256=:AQID:, sha-512=:BAU=:",
      [
        ["sha-256", bytes("010203")],
        ["sha-512", bytes("0405")],
      ],
    ],
    [
      "a=:AQ==:\t,\t b=:Ag==:",
      [
        ["a", bytes("01")],
        ["b", bytes("02")],
      ],
    ],
    ["  a=:AQ==:  ", [["a", bytes("01")]]],
    ["*x_1.-=::", [["*x_1.-", bytes("")]]],
    // Padding that is missing, and bits that are none, are passed over
    ["a=:AQ:", [["a", bytes("01")]]],
    ["a=:AR==:", [["a", bytes("01")]]],
    ["a=:AQ==:, a=:Ag==:", [["a", bytes("02")]]],
    // Parameters of every kind
    ["a=:AQ==:;p", [["a", bytes("01")]]],
    [
      'a=:AQ==:; p=1;q=-1.5;r=tok/en:*;s="a,b;c=\\"\\\\";t=:AA==:;u=?1;v=@1659578233;w=%"caf%c3%a9", b=:Ag==:',
      [
        ["a", bytes("01")],
        ["b", bytes("02")],
      ],
    ],
  ])("%s is read", (field, digests) => {
    expect([...parseReprDigest(field)]).toEqual(digests);
  });

  test.each([
    null,
    "",
    " ",
    "a",
    "a=",
    "a=AQ==",
    "a=:AQ==",
    "a=AQ==:",
    "a=:A:",
    "a=:A=Q=:",
    "a=:AQ=:",
    "a=:A-_Q:",
    "a=:AQ ==:",
    "a=1",
    "a=?1",
    'a="x"',
    "a=(:AQ==:)",
    "A=:AQ==:",
    "1=:AQ==:",
    "a =:AQ==:",
    "a= :AQ==:",
    "a=:AQ==:,",
    "a=:AQ==:, ",
    ",a=:AQ==:",
    "a=:AQ==:,,b=:Ag==:",
    "a=:AQ==: b=:Ag==:",
    "a=:AQ==:b=:Ag==:",
    "a=:AQ==:, b",
    "a=:AQ==: ;p",
    "a=:AQ==:;",
    "a=:AQ==:;P",
    "a=:AQ==:;p=",
    'a=:AQ==:;p="x',
    'a=:AQ==:;p="\\x"',
    "a=:AQ==:;p=1.",
    "a=:AQ==:;p=1.2345",
    "a=:AQ==:;p=1234567890123456",
    "a=:AQ==:;p=?2",
    'a=:AQ==:;p=%"%C3"',
    "a=:AQ==:;p=é",
  ])("%j is malformed, and has none", (field) => {
    expect(parseReprDigest(field).size).toBe(0);
  });

  test("of any algorithms is read, whatever their parameters are", () => {
    const keys = tuple(
      constantFrom("a", "b", "z", "*"),
      string({ unit: constantFrom("a", "z", "0", "9", "_", "-", ".", "*"), maxLength: 8 }),
    );
    const names = keys.map((parts) => parts.join(""));
    const values = constantFrom("", "=1", "=-0.125", '="a, b=:AQ==:; \\" \\\\"', "=t*k/e:n", "=:AA==:", "=?0");
    const parameters = array(tuple(names, values, constantFrom(";", "; ", ";   ")), { maxLength: 3 });
    const members = array(tuple(names, uint8Array(), parameters), { minLength: 1, maxLength: 5 });
    assert(
      property(members, constantFrom(",", ", ", " \t, "), (list, comma) => {
        const field = list
          .map(([name, value, extra]) => {
            const suffix = extra.map(([key, text, semicolon]) => semicolon + key + text).join("");
            return `${name}=:${Buffer.from(value).toString("base64")}:${suffix}`;
          })
          .join(comma);
        expect(parseReprDigest(field)).toEqual(new Map(list.map(([name, value]) => [name, value])));
        // Half a field is never half believed.
        expect(parseReprDigest(`${field}${comma}`).size).toBe(0);
        expect(parseReprDigest(`${field}, !`).size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    flood("a=:AA==:,"),
    `a=:AA==:${flood(";a")}`,
    `a=:AA==:${flood(";a=1")}!`,
    `a=:AA==:;a="${flood('\\"')}`,
    `a=:AA==:;${flood(" ")}!`,
    `a=:AA==:${flood(" ")}!`,
    `a=:AA==:;a=${flood("t:")}é`,
    `a=:${flood("A")}`,
  ])("of a flood is looked at in a moment (%#)", (field) => {
    expect(fastestMs(() => parseReprDigest(field))).toBeLessThan(3);
  });
});
