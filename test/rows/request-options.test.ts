import { expect, test } from "vitest";
import { RESERVED_QUERY_NAMES, parseRequestedRows } from "../../src/rows/request-options.ts";
import { resolveRowFormatOptions } from "../../src/rows/row-formats.ts";

const parse = (query: string) => parseRequestedRows(new URLSearchParams(query));

test("without a word all is as usual", () => {
  expect(resolveRowFormatOptions(parse("").options)).toEqual({
    profile: "plain",
    header: true,
    eol: "crlf",
    null: "",
    sep: false,
    bytes: "base64",
    bigint: "number",
    nonFinite: "string",
    timeZone: "UTC",
  });
  expect(parse("")).toMatchObject({ limit: undefined, strict: false });
});

test("a request says in its query string how it wants its rows", () => {
  const query = "profile=excel&header=0&eol=lf&null=%5CN&sep=1&bytes=hex&bigint=string&nonfinite=null&tz=Europe/Paris";
  expect(resolveRowFormatOptions(parse(query).options)).toEqual({
    profile: "excel",
    header: false,
    eol: "lf",
    null: "\\N",
    sep: true,
    bytes: "hex",
    bigint: "string",
    nonFinite: "null",
    timeZone: "Europe/Paris",
  });
  expect(parse("limit=0&strict")).toMatchObject({ limit: 0, strict: true });
  for (const name of new URLSearchParams(query).keys()) expect(RESERVED_QUERY_NAMES.has(name)).toBe(true);
});

test.each([
  ["profile=word", "profile is one of plain, excel; got word"],
  ["eol=cr", "eol is one of crlf, lf; got cr"],
  ["header=maybe", 'header is 1 or 0; got "maybe"'],
  ["null=%2C", "null is a text of up to 32 characters"],
  ["bytes=raw", "bytes is one of base64, hex"],
  ["tz=a%20b", "timeZone is a time zone's IANA name"],
  ["limit=-1", 'limit is a number of rows; got "-1"'],
  ["limit=1e3", 'limit is a number of rows; got "1e3"'],
  ["limit=99999999999999999", "limit is a number of rows"],
  ["strict=2", 'strict is 1 or 0; got "2"'],
])("%s is refused: 400, and what would be right", (query, message) => {
  expect(() => parse(query)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringContaining(message) as string }) as Error,
  );
});
