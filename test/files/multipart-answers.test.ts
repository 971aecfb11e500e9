import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { directory } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import type { Answer } from "../helpers/http1-answers.ts";
import { watchReports } from "../helpers/reports.ts";
import { LAST_MODIFIED, ask, field, untilSettled, writeAt } from "./directory-support.ts";
import { patternBytes, serveHere, temporaryFolder } from "./support.ts";

watchReports();
const SIZE = 10_000;
const LARGE = 5_000_000;
const root = temporaryFolder();
const bytes = patternBytes(SIZE);
const large = patternBytes(LARGE);
let server: RunningServer;
let etag: string;

beforeAll(async () => {
  writeAt(root, "file.bin", bytes);
  writeAt(root, "text.txt", "x".repeat(SIZE));
  await untilSettled(writeAt(root, "large.bin", large));
  server = await serveHere(directory(root));
  etag = field(await ask(server.port, "/file.bin"), "ETag")!;
});
afterAll(() => server.destroy());

const get = (range: string, target = "/file.bin", ...fields: string[]): Promise<Answer> =>
  ask(server.port, target, [`Range: ${range}`, ...fields]);

/** What such a body has to be, byte for byte. */
function multipart(boundary: string, ranges: readonly [number, number][], of: Buffer, type: string): Buffer {
  const parts = ranges.flatMap(([first, last], index) => [
    `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${first}-${last}/${of.length}\r\n\r\n`,
    of.subarray(first, last + 1),
  ]);
  return Buffer.concat(
    [...parts, `\r\n--${boundary}--\r\n`].map((part) => (typeof part === "string" ? Buffer.from(part) : part)),
  );
}

function expectParts(
  answer: Answer,
  ranges: readonly [number, number][],
  of = bytes,
  type = "application/octet-stream",
): void {
  expect(answer.status).toBe(206);
  const boundary = /^multipart\/byteranges; boundary=([\w'+.-]{1,70})$/u.exec(field(answer, "Content-Type")!)![1]!;
  const body = multipart(boundary, ranges, of, type);
  expect(field(answer, "Content-Length")).toBe(String(body.length));
  expect(answer.headers.has("content-range")).toBe(false);
  expect(answer.body.equals(body)).toBe(true);
}

test("several parts are sent as they were asked for, byte by byte", async () => {
  const answer = await get("bytes=0-9,-10");
  expectParts(answer, [
    [0, 9],
    [SIZE - 10, SIZE - 1],
  ]);
  expect(field(answer, "ETag")).toBe(etag);
  expect(field(answer, "Last-Modified")).toBe(LAST_MODIFIED);
  expect(field(answer, "Accept-Ranges")).toBe("bytes");
  expect(field(answer, "Cache-Control")).toBe("no-cache");
  expect(field(answer, "X-Content-Type-Options")).toBe("nosniff");
});

test.each<[string, [number, number][]]>([
  [
    "bytes=5000-5009,0-9",
    [
      [5000, 5009],
      [0, 9],
    ],
  ],
  [
    "bytes=9000-,0-0,4000-4100",
    [
      [9000, 9999],
      [0, 0],
      [4000, 4100],
    ],
  ],
  ["bytes = 0-9".replaceAll(" ", "").replace("=", "=,, "), [[0, 9]]],
  [
    "BYTES=0-9 , 500-509,",
    [
      [0, 9],
      [500, 509],
    ],
  ],
  [
    "bytes=0-9,20000-,500-509",
    [
      [0, 9],
      [500, 509],
    ],
  ],
  ["bytes=0-9,137-200", [[0, 200]]],
  [
    "bytes=0-9,138-200",
    [
      [0, 9],
      [138, 200],
    ],
  ],
  [
    "bytes=500-600,0-9,550-700",
    [
      [500, 700],
      [0, 9],
    ],
  ],
])("%s is answered with %j", async (range, parts) => {
  const answer = await get(range);
  if (parts.length > 1) return expectParts(answer, parts);
  const [first, last] = parts[0]!;
  expect([answer.status, field(answer, "Content-Range")]).toEqual([206, `bytes ${first}-${last}/${SIZE}`]);
  expect(field(answer, "Content-Type")).toBe("application/octet-stream");
  expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true);
});

test.each(["bytes=0-4,5-9", "bytes=5-9,0-4", "bytes=0-6,3-9", "bytes=0-9,0-9", "bytes=0-0,9-9", "bytes=0-9,10000-"])(
  "%s is one part: 0 to 9",
  async (range) => {
    const answer = await get(range);
    expect([answer.status, field(answer, "Content-Range"), answer.body.length]).toEqual([206, `bytes 0-9/${SIZE}`, 10]);
  },
);

test.each([
  ["an invalid one among them", "bytes=0-9,a-b"],
  ["one that ends before it begins", "bytes=0-9,500-400"],
  ["more than 16", `bytes=${Array.from({ length: 17 }, (_, index) => `${index * 500}-${index * 500}`).join()}`],
  ["more than two that overlap", "bytes=0-9,5-12,8-15,9-20"],
  ["more than four that go back", "bytes=9000-9009,8000-8009,7000-7009,6000-6009,5000-5009,4000-4009"],
  ["parts that are no shorter than the whole", "bytes=0-4900,5100-9999"],
])("%s: the whole is sent", async (_what, range) => {
  const answer = await get(range);
  expect([answer.status, answer.body.equals(bytes), answer.headers.has("content-range")]).toEqual([200, true, false]);
  expect(field(answer, "Content-Length")).toBe(String(SIZE));
});

test("sixteen parts are sent, and nothing of several is a 416 with the complete length", async () => {
  const ranges = Array.from({ length: 16 }, (_, index): [number, number] => [index * 500, index * 500 + 3]);
  expectParts(await get(`bytes=${ranges.map((range) => range.join("-")).join()}`), ranges);
  const answer = await get(`bytes=${SIZE}-,20000-30000,-0`);
  expect([answer.status, field(answer, "Content-Range"), answer.body.length]).toEqual([416, `bytes */${SIZE}`, 0]);
});

test.each<[string, () => string, number]>([
  ["the tag", () => etag, 206],
  ["the date", () => LAST_MODIFIED, 206],
  ["a weak tag", () => `W/${etag}`, 200],
  ["another tag", () => '"other"', 200],
  ["an earlier date", () => "Mon, 06 May 2024 07:08:08 GMT", 200],
  ["a later date", () => "Mon, 06 May 2024 07:08:10 GMT", 200],
  ["what is neither", () => "once", 200],
])("with If-Range of %s several parts are %3$i", async (_what, ifRange, status) => {
  const answer = await get("bytes=0-9,500-509", "/file.bin", `If-Range: ${ifRange()}`);
  if (status === 206)
    expectParts(answer, [
      [0, 9],
      [500, 509],
    ]);
  else expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
});

test("conditions come before the parts", async () => {
  expect((await get("bytes=0-9,500-509", "/file.bin", `If-None-Match: ${etag}`)).status).toBe(304);
  expect((await get("bytes=0-9,500-509", "/file.bin", 'If-Match: "other"')).status).toBe(412);
  expect((await ask(server.port, "/file.bin", ["Range: bytes=0-9,500-509"], "HEAD")).status).toBe(200);
});

test("each part has the type of the whole, and each answer a boundary of its own", async () => {
  const [one, other] = await Promise.all([
    get("bytes=0-9,500-509", "/text.txt"),
    get("bytes=0-9,500-509", "/text.txt"),
  ]);
  const text = Buffer.from("x".repeat(SIZE));
  for (const answer of [one, other])
    expectParts(
      answer,
      [
        [0, 9],
        [500, 509],
      ],
      text,
      "text/plain; charset=utf-8",
    );
  expect(field(one, "Content-Type")).not.toBe(field(other, "Content-Type"));
});

test("parts of every size arrive whole, over any number of reads", async () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 0, max: LARGE - 1 }), { minLength: 4, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(cuts, async (points) => {
      const sorted = points.toSorted((a, b) => a - b);
      const ranges: [number, number][] = [];
      for (let index = 0; index + 1 < sorted.length; index += 2) {
        if (sorted[index]! - (ranges.at(-1)?.[1] ?? -1000) > 128) ranges.push([sorted[index]!, sorted[index + 1]!]);
      }
      fc.pre(ranges.length > 1 && ranges.reduce((sum, [first, last]) => sum + last - first + 200, 0) < LARGE);
      ranges.reverse();
      expectParts(await get(`bytes=${ranges.map((range) => range.join("-")).join()}`, "/large.bin"), ranges, large);
    }),
    { numRuns: 25 },
  );
});

test("15 KB of ranges take no longer than none", async () => {
  const flood = (unit: string): string => unit.repeat(Math.floor(15_000 / unit.length));
  const floods = [
    `bytes=${flood("0-0,")}`,
    `bytes=${flood("5-,")}`,
    `bytes=${flood("-1,")}`,
    `bytes=${flood(" ,\t")}`,
    `bytes=0-${flood("9")}`,
    `bytes=${flood("1-2 ")}`,
  ];
  const timeOf = async (fields: string[]): Promise<number> => {
    const start = performance.now();
    expect((await ask(server.port, "/file.bin", fields)).status).toBeLessThan(417);
    return performance.now() - start;
  };
  const median = (times: number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1]!;
  const plain: number[] = [];
  const flooded = floods.map((): number[] => []);
  for (let round = 0; round < 20; round++) {
    plain.push(await timeOf([`X-Padding: ${"x".repeat(15_000)}`]));
    for (const [index, range] of floods.entries()) flooded[index]!.push(await timeOf([`Range: ${range}`]));
  }
  for (const times of flooded) expect(median(times)).toBeLessThan(median(plain) * 3 + 5);
});
