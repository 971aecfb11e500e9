import { expect, test } from "vitest";
import { type Held, judgeAnswer, requestFields } from "../../src/client/judge-answer.ts";
import { checkableDigests, fromHex, strongValidator, toHex } from "../../src/client/representation.ts";

const held: Held = {
  representation: { validator: { field: "etag", value: '"a"' }, completeLength: 100, digests: new Map() },
  receivedBytes: 40,
};
const judge = (status: number, fields: Record<string, string>, of: Held | undefined = held): unknown =>
  judgeAnswer(of, status, new Headers(fields));

test("asks for a range only with a strong validator and something there", () => {
  expect(requestFields(held)).toMatchObject({ range: "bytes=40-", "if-range": '"a"' });
  expect(requestFields(undefined)).not.toHaveProperty("range");
  expect(requestFields({ ...held, receivedBytes: 0 })).not.toHaveProperty("range");
  const weak = { ...held, representation: { ...held.representation, validator: undefined } };
  expect(requestFields(weak)).not.toHaveProperty("range");
});

test.each([
  [{ etag: '"x"' }, "etag"],
  [{ etag: 'W/"x"' }, undefined],
  [{ etag: "x" }, undefined],
  [{ "last-modified": "Tue, 01 Sep 2026 00:00:00 GMT" }, undefined],
  [{ "last-modified": "Tue, 01 Sep 2026 00:00:00 GMT", date: "Tue, 01 Sep 2026 00:00:00 GMT" }, undefined],
  [{ "last-modified": "Tue, 01 Sep 2026 00:00:00 GMT", date: "Tue, 01 Sep 2026 00:00:01 GMT" }, "last-modified"],
  [
    { "last-modified": "Tue, 01 Sep 2026 00:00:00 GMT", date: "Tue, 01 Sep 2026 00:00:01 GMT", etag: 'W/"x"' },
    undefined,
  ],
  [{ "last-modified": "yesterday", date: "Tue, 01 Sep 2026 00:00:01 GMT" }, undefined],
])("the strong validator of %j is its %s", (fields, field) => {
  expect(strongValidator(new Headers(fields as Record<string, string>))?.field).toBe(field);
});

test("a part that fits is taken", () => {
  expect(judge(206, { "content-range": "bytes 40-99/100", etag: '"a"' })).toMatchObject({
    kind: "body",
    startsAtBytes: 40,
    endsAtBytes: 100,
    startsAgain: false,
    reachesEnd: true,
  });
  // Of what is still being made.
  expect(judge(206, { "content-range": "bytes 40-9007199254740991/*", etag: '"a"' })).toMatchObject({
    kind: "body",
    startsAtBytes: 40,
    endsAtBytes: undefined,
    reachesEnd: true,
  });
  expect(judge(206, { "content-range": "bytes 30-59/*", etag: '"a"' })).toMatchObject({
    startsAtBytes: 30,
    endsAtBytes: 60,
    reachesEnd: false,
  });
});

test.each([
  { "content-range": "bytes 41-99/100", etag: '"a"' },
  { "content-range": "bytes 0-39/100", etag: '"a"' },
  { "content-range": "bytes 40-98/99", etag: '"a"' },
  { "content-range": "bytes 40-99/100", etag: '"b"' },
  { "content-range": "bytes 40-99/100", etag: 'W/"a"' },
  { "content-range": "bytes 40-99/100" },
  { "content-range": "bytes 40-99/100", etag: '"a"', "content-length": "59" },
  { "content-range": "items 40-99/100", etag: '"a"' },
  { etag: '"a"' },
])("a part with %j is not", (fields) => {
  expect(judge(206, fields)).toMatchObject({ kind: "retry" });
});

test("everything from the start belongs to what is there only with the same strong validator and length", () => {
  const begins = (fields: Record<string, string>): boolean =>
    (judge(200, fields) as { startsAgain: boolean }).startsAgain;
  expect(begins({ etag: '"a"', "content-length": "100" })).toBe(false);
  expect(begins({ etag: '"a"' })).toBe(false);
  expect(begins({ etag: '"a"', "content-length": "101" })).toBe(true);
  expect(begins({ etag: 'W/"a"', "content-length": "100" })).toBe(true);
  expect(begins({ etag: '"b"', "content-length": "100" })).toBe(true);
  expect(begins({ "content-length": "100" })).toBe(true);
});

test.each([
  [{ "content-range": "bytes */40" }, "complete"],
  [{ "content-range": "bytes */40", etag: '"a"' }, "complete"],
  [{ "content-range": "bytes */40", etag: '"b"' }, "start again"],
  [{ "content-range": "bytes */39" }, "start again"],
  [{}, "start again"],
])("416 with %j: %s", (fields, kind) => {
  expect(judge(416, fields as Record<string, string>)).toMatchObject({ kind });
});

test.each([204, 205, 207, 304, 400, 401, 404, 412, 416])("%i to a plain request is an error that stays", (status) => {
  expect(judgeAnswer(undefined, status, new Headers())).toMatchObject({ kind: "fail" });
});

test("206 to a plain request, and a coded body, are errors that stay", () => {
  expect(judgeAnswer(undefined, 206, new Headers({ "content-range": "bytes 0-9/10" }))).toMatchObject({ kind: "fail" });
  expect(judge(200, { "content-encoding": "gzip" })).toMatchObject({ kind: "fail" });
  expect(judge(200, { "content-encoding": "identity" })).toMatchObject({ kind: "body" });
});

test("only digests that can be checked are", () => {
  const sha256 = `sha-256=:${btoa("x".repeat(32))}:`;
  expect([...checkableDigests(`md5=:${btoa("x".repeat(16))}:, ${sha256}`).keys()]).toEqual(["sha-256"]);
  expect(checkableDigests(`sha-256=:${btoa("x")}:`).size).toBe(0);
  expect(toHex(fromHex("00ff0a")!)).toBe("00ff0a");
  expect([fromHex("0"), fromHex("zz")]).toEqual([undefined, undefined]);
});
