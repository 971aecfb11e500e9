import { assert, array, constantFrom, integer, oneof, property, string } from "fast-check";
import { createParser } from "eventsource-parser";
import { expect, test } from "vitest";
import { FrameWriter } from "../../src/streams/frame-writer.ts";
import { formatOffset } from "../../src/streams/offset.ts";

const [encoder, decoder] = [new TextEncoder(), new TextDecoder("utf-8", { ignoreBOM: true })];

function write(use: (writer: FrameWriter) => void, capacity = 16): string {
  const writer = new FrameWriter(capacity);
  use(writer);
  return decoder.decode(writer.finish());
}

/** Text with many line ends, cut anywhere between characters. */
const parts = array(oneof(constantFrom("", "\r", "\n", "\r\n", " ", "  x", "data: "), string({ unit: "grapheme" })), {
  maxLength: 12,
});

test("text is in data lines, whatever ends its lines, and wherever it is cut", () => {
  assert(
    property(parts, integer({ min: 1, max: 200 }), (texts, capacity) => {
      const lines = texts.join("").split(/\r\n|\r|\n/u);
      const bytes = texts.map((text) => encoder.encode(text));
      expect(write((writer) => writer.data("data: ", bytes), capacity)).toBe(
        lines.map((line) => `data: ${line}\n`).join(""),
      );
      expect(write((writer) => writer.data("data:", bytes), capacity)).toBe(
        lines.map((line) => `data:${line.startsWith(" ") ? " " : ""}${line}\n`).join(""),
      );
    }),
    { numRuns: 500 },
  );
});

test("a reader has the text as it was, with LF for each line's end", () => {
  assert(
    property(parts, constantFrom("data:", "data: "), (texts, prefix) => {
      const seen: string[] = [];
      const parser = createParser({ onEvent: ({ data }) => seen.push(data) });
      const bytes = texts.map((text) => encoder.encode(text));
      parser.feed(
        write((writer) => {
          writer.data(prefix, bytes);
          writer.ascii("\n");
        }),
      );
      expect(seen.join("")).toBe(texts.join("").replaceAll(/\r\n|\r/gu, "\n"));
    }),
    { numRuns: 300 },
  );
});

test.each([0, 1, 9, 10, 1234567890, 2 ** 32, 2 ** 53 - 1])("an id is an offset: %i", (position) => {
  expect(write((writer) => writer.id(position))).toBe(`id: ${formatOffset(position)}\n`);
});

test("what was written is not in a much larger buffer", () => {
  const writer = new FrameWriter(1000);
  writer.ascii("ab");
  writer.text("ü✓");
  const bytes = writer.finish();
  expect(decoder.decode(bytes)).toBe("abü✓");
  expect(bytes.buffer.byteLength).toBeLessThan(100);
});
