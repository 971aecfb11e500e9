import { array, assert, constant, integer, oneof, property, string, tuple } from "fast-check";
import { expect, test } from "vitest";
import {
  FRAME_BYTES,
  FrameParser,
  type ReaderAnswer,
  TEXT_FRAME,
  encodeAnswer,
  writeFrameHead,
} from "../../src/rows/readers/messages.ts";

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const frame = Buffer.concat([Buffer.alloc(FRAME_BYTES), bytes]);
  writeFrameHead(frame, TEXT_FRAME, bytes.length, 1);
  return frame;
}

/** What the parser gives, with pieces of text that belong together joined. */
function parse(chunks: Buffer[]): (string | ReaderAnswer)[] {
  const parser = new FrameParser();
  const found: (Buffer | ReaderAnswer)[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let next = parser.next(); next !== undefined; next = parser.next()) {
      const last = found.at(-1);
      if (Buffer.isBuffer(next) && Buffer.isBuffer(last)) found[found.length - 1] = Buffer.concat([last, next]);
      else found.push(next);
    }
  }
  return found.map((each) => (Buffer.isBuffer(each) ? each.toString() : each));
}

test("frames are taken apart alike, wherever the pipe has cut them", () => {
  const columns: ReaderAnswer = { kind: "columns", columns: [{ name: "ä,b", type: "text", declared: "TEXT" }] };
  const failed: ReaderAnswer = { kind: "failed", reason: "query", message: "no such table: 李" };
  const texts = array(string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 5 });
  const cuts = array(integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 20 });
  assert(
    property(
      tuple(texts, cuts, oneof(constant<ReaderAnswer>({ kind: "end", truncated: false }), constant(failed))),
      ([parts, sizes, last]) => {
        const stream = Buffer.concat([encodeAnswer(columns), ...parts.map(encodeText), encodeAnswer(last)]);
        const chunks: Buffer[] = [];
        for (let at = 0; at < stream.length;) {
          const size = sizes[chunks.length % sizes.length]!;
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(parse(chunks)).toEqual([columns, parts.join(""), last]);
        expect(parse([stream])).toEqual([columns, parts.join(""), last]);
      },
    ),
  );
});
