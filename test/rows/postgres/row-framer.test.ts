import { array, assert, boolean, integer, property, record, string, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { type RowEncoding, RowFramer } from "../../../src/rows/databases/postgres/row-framer.ts";

function message(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function tuple(text: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(1);
  head.writeUInt32BE(text.length, 2);
  return Buffer.concat([head, text]);
}

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const TRAILER = Buffer.from([0xff, 0xff]);

/** What the backend sends for these rows; `headerAlone` as no version does yet. */
function encode(encoding: RowEncoding, rows: Buffer[], headerAlone: boolean, notices: boolean): Buffer {
  const between = notices ? [message("N", Buffer.from("SNOTICE\0\0"))] : [];
  if (encoding === "lines") {
    return Buffer.concat(rows.flatMap((row) => [message("d", Buffer.concat([row, Buffer.from("\n")])), ...between]));
  }
  if (encoding === "fields") return Buffer.concat(rows.flatMap((row) => [message("D", tuple(row)), ...between]));
  const tuples = rows.map(tuple);
  if (!headerAlone && tuples.length > 0) tuples[0] = Buffer.concat([SIGNATURE, tuples[0]!]);
  const header = headerAlone ? [message("d", SIGNATURE)] : [];
  const trailer = !headerAlone && rows.length === 0 ? Buffer.concat([SIGNATURE, TRAILER]) : TRAILER;
  return Buffer.concat([...header, ...tuples.flatMap((row) => [message("d", row), ...between]), message("d", trailer)]);
}

interface Framed {
  text: string;
  messages: string[];
  rows: number;
  isTruncated: boolean;
}

function frame(
  encoding: RowEncoding,
  bytes: Buffer,
  sizes: number[],
  options: { between: string; rowEnd: string; maxRows: number },
): Framed {
  const messages: string[] = [];
  const framer = new RowFramer(encoding, options, {
    maxRows: options.maxRows,
    emptyRow: '""',
    onMessage: (type, whole) => messages.push(`${String.fromCharCode(type)}${whole.length}`),
  });
  const texts: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    // A copy: what is pushed is the framer's to write to, and what it gave before must stay as it is.
    framer.push(Buffer.from(bytes.subarray(at, at + size)), (text) => texts.push(text));
    at += size;
  }
  return {
    text: Buffer.concat(texts).toString("latin1"),
    messages,
    rows: framer.rows,
    isTruncated: framer.isTruncated,
  };
}

test.each(["lines", "tuples", "fields"] as const)(
  "%s are framed alike, wherever the network has cut them",
  (encoding) => {
    const input = record({
      rows: array(uint8Array({ maxLength: 60 }), { maxLength: 12 }),
      sizes: array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
      maxRows: integer({ min: 0, max: 14 }),
      headerAlone: boolean(),
      notices: boolean(),
      isJson: boolean(),
    });
    assert(
      property(input, ({ rows, sizes, maxRows, headerAlone, notices, isJson }) => {
        const options = isJson ? { between: ",\n", rowEnd: "" } : { between: "", rowEnd: "\r\n" };
        const buffers = rows.map((row) => Buffer.from(row));
        const bytes = encode(encoding, buffers, headerAlone, notices);
        const kept = buffers.slice(0, maxRows).map((row) => (row.length === 0 ? '""' : row.toString("latin1")));
        const wanted: Framed = {
          text: kept.map((row) => row + options.rowEnd).join(options.between),
          messages: notices ? buffers.map(() => "N14") : [],
          rows: kept.length,
          isTruncated: rows.length > maxRows,
        };
        expect(frame(encoding, bytes, sizes, { ...options, maxRows })).toEqual(wanted);
        expect(frame(encoding, bytes, [bytes.length + 1], { ...options, maxRows })).toEqual(wanted);
      }),
      { numRuns: 2_000 },
    );
  },
);

test("a row that is larger than a chunk is passed on as it comes, and nothing is kept of it", () => {
  const pieces: number[] = [];
  const framer = new RowFramer(
    "lines",
    { between: "", rowEnd: "\r\n" },
    { maxRows: Infinity, emptyRow: "", onMessage: () => {} },
  );
  const large = message("d", Buffer.concat([Buffer.alloc(1_000_000, "x"), Buffer.from("\n")]));
  for (let at = 0; at < large.length; at += 65_536) {
    const before = pieces.length;
    framer.push(Buffer.from(large.subarray(at, at + 65_536)), (text) => pieces.push(text.length));
    expect(pieces.length).toBeGreaterThan(before);
  }
  expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(1_000_002);
});

test("what stands around rows has to fit into their heads", () => {
  const options = { maxRows: 1, emptyRow: "", onMessage: () => {} };
  expect(() => new RowFramer("lines", { between: "long", rowEnd: "long" }, options)).toThrow(RangeError);
  assert(
    property(string({ maxLength: 2 }), (text) => {
      if (Buffer.byteLength(text) > 6) return;
      expect(new RowFramer("lines", { between: "", rowEnd: text }, options).rows).toBe(0);
    }),
  );
});
