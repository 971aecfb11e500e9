import { array, assert, constantFrom, nat, option, property, tuple } from "fast-check";
import { expect, test } from "vitest";
import { type MultipartPlan, createBoundary, planByteranges } from "../../src/http/multipart.ts";
import type { ByteRange } from "../../src/http/ranges.ts";

interface Part {
  fields: Record<string, string>;
  content: Buffer;
}

test("a plan is the body, byte by byte", () => {
  const ranges = [
    { first: 500, last: 502 },
    { first: 0, last: 1 },
  ];
  const plan = planByteranges(ranges, 1000, "text/plain; charset=utf-8", "b0undary")!;
  const source = Buffer.alloc(1000, "x").fill("ab", 0, 2).fill("def", 500, 503);
  expect(assemble(plan, source).toString("latin1")).toBe(
    [
      "--b0undary",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Range: bytes 500-502/1000",
      "",
      "def",
      "--b0undary",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Range: bytes 0-1/1000",
      "",
      "ab",
      "--b0undary--",
      "",
    ].join("\r\n"),
  );
  expect(plan.contentType).toBe("multipart/byteranges; boundary=b0undary");
  expect(plan.contentLength).toBe(assemble(plan, source).byteLength);
});

test("without a type, the parts have none", () => {
  const plan = planByteranges([{ first: 0, last: 1 }], 1000, undefined, "b")!;
  expect(plan.parts[0]!.head).toBe("--b\r\nContent-Range: bytes 0-1/1000\r\n\r\n");
});

test("a body as long as the whole is not planned", () => {
  const ranges = [
    { first: 150, last: 449 },
    { first: 0, last: 9 },
  ];
  const lengths = new Map<boolean, number[]>([
    [true, []],
    [false, []],
  ]);
  for (let completeLength = 450; completeLength < 550; completeLength++) {
    const shorter = lengthOf(expectedParts(ranges, completeLength, "text/plain"), "b") < completeLength;
    expect(planByteranges(ranges, completeLength, "text/plain", "b") !== undefined).toBe(shorter);
    lengths.get(shorter)!.push(completeLength);
  }
  expect(lengths.get(true)).not.toEqual([]);
  expect(lengths.get(false)).not.toEqual([]);
});

test("of a file of any size, the length is exact", () => {
  const completeLength = Number.MAX_SAFE_INTEGER;
  const ranges = [
    { first: 0, last: 2 ** 52 },
    { first: 2 ** 52 + 500, last: 2 ** 52 + 1000 },
  ];
  const plan = planByteranges(ranges, completeLength, "video/mp4", "b")!;
  const overhead = plan.parts.reduce((sum, { head }) => sum + head.length, plan.tail.length);
  expect(BigInt(plan.contentLength)).toBe(2n ** 52n + 1n + 501n + BigInt(overhead));
});

test.each(["", "a b", 'a"b', "a:b", "a/b", "a\r\nb", "é", "a;b", "x".repeat(71)])(
  "a boundary of %j is an error",
  (boundary) => {
    expect(() => planByteranges([{ first: 0, last: 1 }], 1000, "text/plain", boundary)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  },
);

test.each(["", "text/plain\r\nSet-Cookie: a=b", "text/plain\n", 'text/plain; title="é"'])(
  "a type of %j is an error",
  (mediaType) => {
    expect(() => planByteranges([{ first: 0, last: 1 }], 1000, mediaType, "b")).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  },
);

test("boundaries are tokens, and never the same twice", () => {
  const boundaries = Array.from({ length: 1000 }, createBoundary);
  expect(new Set(boundaries).size).toBe(1000);
  for (const boundary of boundaries) expect(boundary).toMatch(/^[0-9a-f]{32}$/u);
});

test("another's parser finds the bytes of each range, or the whole is no longer", () => {
  const source = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * index) % 256));
  source.write("\r\n--\r\n\r\n--b--\r\n", 40);
  const pieces = array(
    tuple(nat(2999), nat(900)).map(([first, length]) => ({ first, last: Math.min(first + length, 2999) })),
    { minLength: 1, maxLength: 6 },
  );
  const types = option(constantFrom("text/plain", "video/mp4", 'text/plain; charset="utf-8"'), { nil: undefined });
  const outcomes = new Set<boolean>();
  assert(
    property(pieces, types, (ranges, mediaType) => {
      const boundary = createBoundary();
      const expected = expectedParts(ranges, 3000, mediaType, source);
      const plan = planByteranges(ranges, 3000, mediaType, boundary);
      outcomes.add(plan !== undefined);
      const length = lengthOf(expected, boundary);
      expect(plan === undefined).toBe(length >= 3000);
      if (!plan) return;
      const body = assemble(plan, source);
      expect(body.byteLength).toBe(length);
      expect(plan.contentLength).toBe(length);
      expect(parse(body, plan.contentType)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
  expect(outcomes.size).toBe(2);
});

function expectedParts(
  ranges: ByteRange[],
  completeLength: number,
  mediaType: string | undefined,
  source: Uint8Array = new Uint8Array(completeLength),
): Part[] {
  return ranges.map((range) => ({
    fields: {
      ...(mediaType === undefined ? {} : { "content-type": mediaType }),
      "content-range": `bytes ${range.first}-${range.last}/${completeLength}`,
    },
    content: slice(source, range),
  }));
}

function assemble(plan: MultipartPlan, source: Uint8Array): Buffer {
  const pieces = plan.parts.flatMap(({ head, range }) => [Buffer.from(head), slice(source, range)]);
  return Buffer.concat([...pieces, Buffer.from(plan.tail)]);
}

function slice(source: Uint8Array, { first, last }: ByteRange): Buffer {
  return Buffer.from(source.subarray(first, last + 1));
}

/** RFC 2046 §5.1.1: delimiters, fields and contents, counted by themselves. */
function lengthOf(parts: Part[], boundary: string): number {
  let length = "--".length + boundary.length + "--\r\n".length;
  for (const { fields, content } of parts) {
    length += "--".length + boundary.length + "\r\n".length;
    for (const [name, value] of Object.entries(fields)) length += name.length + ": ".length + value.length + 2;
    length += "\r\n".length + content.byteLength + "\r\n".length;
  }
  return length;
}

/** Reads a multipart body as RFC 2046 §5.1.1 tells a recipient to: line by line, looking for delimiters. */
function parse(body: Buffer, contentType: string): Part[] {
  const boundary = /^multipart\/byteranges; boundary=([!#$%&'*+.^_`|~\w-]+)$/u.exec(contentType)![1]!;
  const parts: Part[] = [];
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // What comes before the first delimiter would be a preamble: there is none.
  let rest = Buffer.concat([Buffer.from("\r\n"), body]);
  expect(rest.indexOf(delimiter)).toBe(0);
  for (;;) {
    rest = rest.subarray(delimiter.length);
    const isEnd = rest.subarray(0, 2).equals(Buffer.from("--"));
    if (isEnd) {
      expect(rest.toString("latin1")).toBe("--\r\n");
      return parts;
    }
    expect(rest.subarray(0, 2).toString()).toBe("\r\n");
    const fields: Record<string, string> = {};
    let at = 2;
    for (;;) {
      const end = rest.indexOf("\r\n", at);
      const line = rest.toString("latin1", at, end);
      at = end + 2;
      if (line === "") break;
      const [, name, value] = /^([A-Za-z-]+): (.+)$/u.exec(line)!;
      fields[name!.toLowerCase()] = value!;
    }
    const end = rest.indexOf(delimiter, at);
    parts.push({ fields, content: Buffer.from(rest.subarray(at, end)) });
    rest = rest.subarray(end);
  }
}
