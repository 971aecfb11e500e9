import { array, assert, constant, double, integer, oneof, property, string } from "fast-check";
import { expect, test } from "vitest";
import { jsonToCsv } from "../../src/rows/databases/sqlite/json-to-csv.ts";
import { jsonToFeed } from "../../src/rows/databases/sqlite/json-to-feed.ts";
import { hostileText } from "./support.ts";

test("arrays become records of CSV, and of Parquet's feed, with their cells as they are", () => {
  const cell = oneof(
    constant(null),
    integer(),
    double({ noNaN: true, noDefaultInfinity: true }),
    hostileText,
    string({ unit: "binary" }).map((text) => text.toWellFormed()),
  );
  const rows = array(array(cell, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 });
  assert(
    property(
      rows,
      oneof(constant("\r\n"), constant("\n")),
      oneof(constant(""), constant("\\N")),
      (given, rowEnd, nothing) => {
        const json = Buffer.from(given.map((row) => JSON.stringify(row)).join("\n"));
        const csv = Buffer.alloc(json.length);
        const length = jsonToCsv(json, csv, { rowEnd: Buffer.from(rowEnd), null: Buffer.from(nothing) });
        const wanted = given.map((row) =>
          row
            .map((value) =>
              value === null
                ? nothing
                : typeof value === "string"
                  ? `"${value.replaceAll('"', '""')}"`
                  : JSON.stringify(value),
            )
            .join(","),
        );
        expect(csv.toString("utf8", 0, length)).toBe(wanted.join(rowEnd));
        const feed = given.map((row) => row.map((value) => JSON.stringify(value)).join("\t")).join("\n");
        expect(csv.toString("utf8", 0, jsonToFeed(json, csv, []))).toBe(feed);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("in a column of text, the feed's text goes without quotes where it reads the same", () => {
  const texts: [string, string][] = [
    ["Zoë, 李小龙", "Zoë, 李小龙"],
    [" 1 ", " 1 "],
    ["null ", "null "],
    ["nul", "nul"],
    ["a*", "a*"],
    ["", '""'],
    ["null", '"null"'],
    ["*", '"*"'],
    ['"', '"\\""'],
    ["a\tb", '"a\\tb"'],
    ["a\\", '"a\\\\"'],
  ];
  const json = Buffer.from(texts.map(([text], index) => JSON.stringify([text, null, text, index])).join("\n"));
  const feed = Buffer.alloc(json.length);
  const wanted = texts.map(([text, plain], index) => [plain, "null", JSON.stringify(text), index].join("\t"));
  expect(feed.toString("utf8", 0, jsonToFeed(json, feed, [true, true, false, true]))).toBe(wanted.join("\n"));
});
