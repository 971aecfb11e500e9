import { array, assert, constantFrom, json, property, string, tuple, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { HttpError } from "../../src/errors.ts";
import { splitJson } from "../../src/streams/split-json.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function split(text: string): string[] {
  return splitJson(encoder.encode(text)).map((message) => decoder.decode(message));
}

describe("a body in JSON as messages", () => {
  test.each<[body: string, messages: string[]]>([
    ["[]", []],
    [" [ \n ] ", []],
    ["1", ["1"]],
    ["null", ["null"]],
    ['"a,b"', ['"a,b"']],
    ["{}", ["{}"]],
    ["[1]", ["1"]],
    ["[1,2,3]", ["1", "2", "3"]],
    ["[[1,2],[3]]", ["[1,2]", "[3]"]],
    ["[[[1,2,3]]]", ["[[1,2,3]]"]],
    ["[[]]", ["[]"]],
    ['[{"a":[1,{"b":2}]},{}]', ['{"a":[1,{"b":2}]}', "{}"]],
    ['{"a":[1,2],"b":"],["}', ['{"a":[1,2],"b":"],["}']],
    ['["[", "]", "{,}", ","]', ['"["', '"]"', '"{,}"', '","']],
  ])("%j is an array's elements, one level deep, or the one value", (body, messages) => {
    expect(split(body)).toEqual(messages);
  });

  test.each([
    "1.0",
    "1e999",
    "-0",
    "-0.0E+00",
    "12345678901234567890123456789",
    "0.1000000000000000055511151231257827021181583404541015625",
    '"\\u0041\\/\\b\\ud83d\\ude00"',
    '"\\ud800"',
    '"é 😀 \u2028"',
    '{"a":1,"a":2}',
    '{ "a" : [ 1 ,\t2 ] }',
    '"\\\\"',
    '"\\\\\\""',
  ])("keeps the bytes of %s, alone and in an array", (value) => {
    expect(split(value)).toEqual([value]);
    expect(split(`[${value}]`)).toEqual([value]);
    expect(split(`[ ${value}\n,\t${value} \r\n]`)).toEqual([value, value]);
  });

  test("leaves out the space around a value, and no other sign", () => {
    expect(split(" \t\r\n 7 \n")).toEqual(["7"]);
    // A space for many, but not in JSON.
    expect(() => split("\u00a07")).toThrow(HttpError);
    expect(() => split("[1,\v2]")).toThrow(HttpError);
  });

  test("passes over a byte order mark at the beginning, and nowhere else", () => {
    expect(split("\ufeff[1,2]")).toEqual(["1", "2"]);
    expect(split("\ufeff {} ")).toEqual(["{}"]);
    expect(split('["\ufeff"]')).toEqual(['"\ufeff"']);
    expect(() => split("[\ufeff1]")).toThrow(HttpError);
    expect(() => split("\ufeff\ufeff1")).toThrow(HttpError);
  });

  test.each([
    "",
    " ",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "1 2",
    "{a:1}",
    "'a'",
    "NaN",
    "01",
    "1.",
    "[1]x",
    '"\n"',
    '"\\x"',
    "tru",
  ])("answers 400 to %j", (body) => {
    expect(() => split(body)).toThrow(expect.objectContaining({ status: 400 }));
  });

  test.each<[string, number[]]>([
    ["a byte alone", [0x22, 0xff, 0x22]],
    ["half a character", [0x22, 0xc3, 0x22]],
    ["half a surrogate pair", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["an overlong sign", [0x22, 0xc0, 0xaf, 0x22]],
  ])("answers 400 to what is not UTF-8: %s", (_what, bytes) => {
    expect(() => splitJson(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ status: 400 }));
  });

  const space = string({ unit: constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

  test("gives every element of any array as it was written", () => {
    const element = tuple(space, json(), space);
    assert(
      property(space, array(element, { minLength: 1 }), space, (before, elements, behind) => {
        const body = `${before}[${elements.map((parts) => parts.join("")).join(",")}]${behind}`;
        expect(split(body)).toEqual(elements.map(([, value]) => value));
      }),
    );
  });

  test("ends for any bytes, and takes those that JSON.parse takes", () => {
    const wild = string({
      unit: constantFrom("[", "]", "{", "}", ",", ":", '"', "\\", "1", "a", "é", " "),
      maxLength: 20,
    });
    assert(
      property(wild, (body) => {
        let values: unknown;
        try {
          values = JSON.parse(body);
        } catch {
          expect(() => split(body)).toThrow(HttpError);
          return;
        }
        expect(split(body).map((message) => JSON.parse(message) as unknown)).toEqual(
          Array.isArray(values) ? values : [values],
        );
      }),
      { numRuns: 2000 },
    );
    assert(
      property(uint8Array({ maxLength: 30 }), (bytes) => {
        try {
          splitJson(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(HttpError);
        }
      }),
    );
  });

  test("is told apart however deep its arrays are", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(split(deep)).toEqual([deep.slice(1, -1)]);
  });
});
