import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordCounter } from "../../src/cli/get/record-counter.ts";

const PRESENT = "text/csv; charset=utf-8; header=present";

function count(type: string, text: string, sizes: readonly number[] = []): RecordCounter {
  const counter = RecordCounter.of(type)!;
  let rest = Buffer.from(text);
  for (const size of sizes) {
    counter.add(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  counter.add(rest);
  return counter;
}

test.each<[type: string, text: string, described: string]>([
  [PRESENT, "", "0 rows"],
  [PRESENT, '"a"\r\n', "0 rows"],
  [PRESENT, '"a"\r\n1\r\n', "1 row"],
  [PRESENT, '"a"\n1\n2', "2 rows"],
  [PRESENT, '"a"\r\n"x\r\ny ""z""\n"\r\n"w"\r\n', "2 rows"],
  [PRESENT, '\uFEFF"a"\r\n1\r\n', "1 row"],
  [PRESENT, '\uFEFFsep=,\r\n"a"\r\n1\r\n', "1 row"],
  [PRESENT, 'sep=,\r\n"a"\r\n1\r\n', "1 row"],
  ["text/csv;header=absent", "1\n2\n", "2 rows"],
  ['text/csv; header="present"', "a\n1\n2\n", "2 rows"],
  ["text/csv", "a\n1\n", "2 records"],
  ["text/tab-separated-values; charset=utf-8", 'a\n"\n', "2 records"],
  ["application/x-ndjson", '{"a":"\\"\\n"}\n{}\n', "2 rows"],
  ["Application/JSONL", "{}", "1 row"],
])("%s %j has %s", (type, text, described) => {
  expect(count(type, text).describe()).toBe(described);
});

test.each([null, "application/json", "application/vnd.apache.parquet", "text/plain", "text/csvs"])(
  "%s is not counted",
  (type) => {
    expect(RecordCounter.of(type)).toBeUndefined();
  },
);

test("many are written with commas", () => {
  expect(count("application/x-ndjson", "{}\n".repeat(1_234_567)).describe()).toBe("1,234,567 rows");
});

test("a header that may be there leaves one row in doubt", () => {
  const counter = count("text/csv", "a\n1\n2\n");
  expect([1, 2, 3, 4].filter((rows) => counter.mayBe(rows))).toEqual([2, 3]);
  expect([1, 2, 3].filter((rows) => count(PRESENT, "a\n1\n2\n").mayBe(rows))).toEqual([2]);
});

test("chunks may end anywhere", () => {
  const field = fc.constantFrom("1", '"a"', '"x\r\ny"', '""""', '"\n"', "");
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 3 })), fc.array(fc.nat(5)), (records, sizes) => {
      const text = records.map((record) => `${record.join(",") || "0"}\r\n`).join("");
      expect(count("text/csv; header=absent", text, sizes).mayBe(records.length)).toBe(true);
    }),
  );
});
