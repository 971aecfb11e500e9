import {
  type Arbitrary,
  array,
  assert,
  bigInt,
  constant,
  double,
  integer,
  oneof,
  property,
  uint8Array,
} from "fast-check";
import { expect, test } from "vitest";
import type { RowValue } from "../../src/index.ts";
import { csv } from "../../src/rows/formats/csv.ts";
import { hostileText, parseCsv } from "./support.ts";

const encodeOne = (value: RowValue): string => csv.createEncoder(["a", "b"]).encode([value, 1n]);

test.each<[value: RowValue, field: string]>([
  [null, ""],
  ["", '""'],
  ["plain", "plain"],
  ["a,b", '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['"', '""""'],
  ["a\nb", '"a\nb"'],
  ["a\rb", '"a\rb"'],
  ["a\r\nb", '"a\r\nb"'],
  [" a", '" a"'],
  ["a ", '"a "'],
  [" ", '" "'],
  ["a b", "a b"],
  ["a;b\tc", "a;b\tc"],
  ["=1+1", "=1+1"],
  ["NULL", "NULL"],
  ["Ü 李 🦊", "Ü 李 🦊"],
  ["\0", "\0"],
  [0, "0"],
  [-0.5, "-0.5"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e300, "1e+300"],
  [Infinity, "Infinity"],
  [9_223_372_036_854_775_807n, "9223372036854775807"],
  [true, "true"],
  [false, "false"],
  [new Uint8Array([0, 255, 62]), "AP8+"],
  [new Uint8Array(0), '""'],
])("writes %s as %s", (value, field) => {
  expect(encodeOne(value)).toBe(`${field},1\r\n`);
});

test("a part of a buffer is only that part", () => {
  expect(encodeOne(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toBe("AgM=,1\r\n");
});

test("the header is written as any row is, names that are equal included", () => {
  expect(csv.createEncoder(["id", "a,b", "id", ""]).begin).toBe('id,"a,b",id,""\r\n');
  expect(csv.createEncoder(["id"]).begin).toBe("id\r\n");
  expect(csv.createEncoder(["id"]).end).toBe("");
});

test("a row of one column is never an empty line", () => {
  const encoder = csv.createEncoder(["a"]);
  expect(encoder.encode([null])).toBe('""\r\n');
  expect(encoder.encode([""])).toBe('""\r\n');
  expect(encoder.encode([0n])).toBe("0\r\n");
});

test("a reader gets every value back", () => {
  const value: Arbitrary<RowValue> = oneof(
    constant(null),
    hostileText,
    integer(),
    bigInt(),
    double({ noNaN: true }),
    uint8Array(),
  );
  assert(
    property(array(array(value, { minLength: 3, maxLength: 3 }), { maxLength: 10 }), (rows) => {
      const encoder = csv.createEncoder(["a", "b", "c"]);
      const text = encoder.begin + rows.map((row) => encoder.encode(row)).join("") + encoder.end;
      const [header, ...records] = parseCsv(text);
      expect(header!.map((field) => field.text)).toEqual(["a", "b", "c"]);
      expect(records.length).toBe(rows.length);
      for (const [index, row] of rows.entries()) {
        for (const [column, wanted] of row.entries()) {
          const { text: got, quoted } = records[index]![column]!;
          if (wanted === null) expect([got, quoted]).toEqual(["", false]);
          else if (typeof wanted === "string") expect([got, got === "" ? quoted : true]).toEqual([wanted, true]);
          else if (typeof wanted === "bigint") expect(BigInt(got)).toBe(wanted);
          else if (typeof wanted === "number") expect(Number(got)).toBe(wanted + 0);
          else expect(new Uint8Array(Buffer.from(got, "base64"))).toEqual(wanted);
        }
      }
    }),
    { numRuns: 500 },
  );
});
