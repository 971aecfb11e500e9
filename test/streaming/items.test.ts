import { describe, expect, it } from "vitest";
import { itemEncoder } from "../../src/streaming/items.ts";
import { isJsonLines, toJsonLine } from "../../src/streaming/json-lines.ts";

const bytes = Uint8Array.of(1, 2, 3, 4);

describe("an item", () => {
  const encode = itemEncoder("text/plain");

  it("is text or bytes as they are", () => {
    expect(encode("text")).toBe("text");
    expect(encode(bytes)).toBe(bytes);
    const buffer = Buffer.from("text");
    expect(encode(buffer)).toBe(buffer);
  });

  it("is the bytes of any view, without the rest of its buffer", () => {
    expect(encode(new DataView(bytes.buffer, 1, 2))).toEqual(Uint8Array.of(2, 3));
    expect(encode(new Uint16Array(bytes.buffer, 2, 1))).toEqual(Uint8Array.of(3, 4));
    expect(encode(bytes.buffer)).toEqual(bytes);
  });

  it.each([
    [5, "a number"],
    [null, "null"],
    [undefined, "undefined"],
    [{ secret: 1 }, "an object of class Object"],
    [[bytes], "an object of class Array"],
    [Promise.resolve("a"), "an object of class Promise"],
  ])("is not %s, and the error says what would be right", (value, got) => {
    expect(() => encode(value)).toThrow(TypeError);
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: "ERR_ITEM_TYPE" }));
    expect(() => encode(value)).toThrow(new RegExp(`strings, Uint8Arrays.*got ${got}\\..*application/jsonl`, "u"));
    expect(() => encode(value)).not.toThrow("secret");
  });
});

describe("an item of JSON Lines", () => {
  it.each(["application/jsonl", "application/x-ndjson", "Application/JSONL; charset=utf-8", "application/x-jsonlines"])(
    "is a line of JSON with %s",
    (mediaType) => {
      expect(isJsonLines(mediaType)).toBe(true);
      const encode = itemEncoder(mediaType);
      expect(encode({ a: "x\ny", b: [1, null] })).toBe('{"a":"x\\ny","b":[1,null]}\n');
      expect(encode(5)).toBe("5\n");
      expect(encode(null)).toBe("null\n");
      expect(encode(true)).toBe("true\n");
      expect(encode([1])).toBe("[1]\n");
    },
  );

  it("is text or bytes as they are: lines that were made before", () => {
    const encode = itemEncoder("application/jsonl");
    expect(encode('{"a":1}\n')).toBe('{"a":1}\n');
    expect(encode(bytes)).toBe(bytes);
  });

  it.each([undefined, () => {}, Symbol("a")])("is not what JSON has no form for: %s", (value) => {
    expect(() => toJsonLine(value)).toThrow(
      expect.objectContaining({ name: "SluiceTypeError", code: "ERR_ITEM_TYPE" }),
    );
  });

  it("is not what JSON cannot be made of, and the error says so by its code", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    for (const value of [5n, circular]) {
      expect(() => toJsonLine(value)).toThrow(
        expect.objectContaining({ code: "ERR_ITEM_TYPE", cause: expect.any(TypeError) as TypeError }),
      );
    }
  });

  it.each(["application/json", "text/plain", "application/jsonlines2"])("is not made with %s", (mediaType) => {
    expect(isJsonLines(mediaType)).toBe(false);
    expect(() => itemEncoder(mediaType)({})).toThrow(expect.objectContaining({ code: "ERR_ITEM_TYPE" }));
  });
});
