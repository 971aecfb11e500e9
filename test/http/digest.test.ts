import { createHash } from "node:crypto";
import { array, assert, constantFrom, property, string, tuple, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { formatReprDigest, parseReprDigest, setDigest } from "../../src/http/digest.ts";
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

describe("Digest", () => {
  const sha256 = createHash("sha256").update('{"hello": "world"}\n').digest();
  const REPR_DIGEST = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
  const wanting = (...fields: string[]): Request =>
    new Request("http://host/", { headers: fields.map((field) => ["Want-Digest", field]) });
  const setFor = (request: Request): Record<string, string> => {
    const headers = new Headers();
    setDigest(request, headers, sha256);
    return Object.fromEntries(headers);
  };

  test.each([
    [["SHA-256"]],
    [["sha-256"]],
    [["SHA-256;q=0.3, MD5;q=1"]],
    [["SHA-512;q=1, SHA-256;q=1, SHA;q=0.1"]],
    [["SHA,SHA-256"]],
    [["MD5 \t,\t sha-256 ; q=1"]],
    [["MD5", "SHA-256"]],
    [[",, SHA-256"]],
  ])("is set where it is wanted: %j", (fields) => {
    expect(setFor(wanting(...fields))).toEqual({
      digest: "SHA-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
      "repr-digest": REPR_DIGEST,
    });
  });

  test.each([
    [[]],
    [[""]],
    [["SHA-512;q=1, SHA;q=0.1"]],
    [["SHA-2567"]],
    [["XSHA-256"]],
    [["id-sha-256"]],
    [["SHA-512 SHA-256"]],
    // The form of Want-Repr-Digest (RFC 9530 §4).
    [["sha-256=10"]],
    [["md5;x=sha-256"]],
  ])("is not set where it is not: %j", (fields) => {
    expect(setFor(wanting(...fields))).toEqual({ "repr-digest": REPR_DIGEST });
  });

  test.each([
    flood(","),
    flood(", "),
    flood("sha-256 "),
    flood(", sha-256x"),
    `a${flood(" ")}a`,
    `a,${flood(" ")}a`,
    `sha-256${flood(" ")}a`,
    `a,${flood("\t sha-256")}`,
  ])("is looked for in a flood in a moment (%#)", (field) => {
    const request = wanting(field);
    expect(fastestMs(() => setFor(request))).toBeLessThan(3);
  });
});
