import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EventParser, type ParsedEvent } from "../../src/client/follow/event-parser.ts";
import { splitArray } from "../../src/client/follow/split-array.ts";

const encoder = new TextEncoder();

/** What the parser says of a body that comes in pieces, cut at these bytes. */
function parse(text: string, cuts: readonly number[] = [], lastId = ""): ParsedEvent[] {
  const bytes = encoder.encode(text);
  const places = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length];
  const parser = new EventParser(lastId);
  return places.slice(1).flatMap((end, index) => parser.push(bytes.subarray(places[index], end)));
}

/** What another parser says of it, as a whole. */
function expected(text: string): Pick<ParsedEvent, "data" | "event">[] {
  const events: Pick<ParsedEvent, "data" | "event">[] = [];
  const parser = createParser({ onEvent: ({ data, event = "" }) => events.push({ data, event }) });
  parser.feed(text);
  return events;
}

const LINE = fc.oneof(
  fc.constantFrom("data", "data:", "data: a", "data:  b", "data: ü€😀", ": comment", "event: x", "event", "junk: 1"),
  fc.constantFrom("id: 1", "id", "retry: 5", "retry: x", "", "", ""),
  fc.stringMatching(/^data: [^\r\n]{0,9}$/u),
);
const BODY = fc
  .array(fc.tuple(LINE, fc.constantFrom("\n", "\r\n", "\n", "\r")), { maxLength: 30 })
  .map((lines) => lines.flat().join(""));

test("says the same as another parser, wherever the body is cut into chunks", () => {
  fc.assert(
    fc.property(BODY, fc.array(fc.nat(120), { maxLength: 12 }), (text, cuts) => {
      const events = parse(text, cuts).filter(({ data }) => data !== undefined);
      expect(events.map(({ data, event }) => ({ data, event }))).toEqual(expected(text));
    }),
    { numRuns: 3000 },
  );
});

test("an id counts from its event on, until there is another", () => {
  const events = parse("data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid: 2\n\ndata: d\n\nid: x\0\nid\ndata: e\n\n", [], "0");
  expect(events.map(({ data, id }) => [data, id])).toEqual([
    ["a", "0"],
    ["b", "1"],
    ["c", "1"],
    [undefined, "2"],
    ["d", "2"],
    ["e", ""],
  ]);
});

test("the id of an event that is not complete is no place", () => {
  expect(parse("id: 1\ndata: a\n\nid: 2\ndata: b\n")).toEqual([{ data: "a", event: "", id: "1" }]);
});

test("a byte order mark is no part of the first line; the reconnection time is kept", () => {
  expect(parse("\uFEFFdata: a\n\n")).toHaveLength(1);
  const parser = new EventParser("");
  parser.push(encoder.encode("retry: 250\nretry: -1\n\n"));
  expect(parser.retryMs).toBe(250);
});

test("an event that grows and grows is refused", () => {
  const parser = new EventParser("");
  const chunk = new Uint8Array(8 * 1024 * 1024).fill(0x61);
  const feed = (): void => {
    for (let count = 0; count < 9; count++) parser.push(chunk);
  };
  expect(feed).toThrow(expect.objectContaining({ code: "too_large" }) as Error);
});

test("splits an array into its elements, as they are written", () => {
  const elements = ["1.10", "12345678901234567890", '"a,]\\"["', "[1,[2]]", '{"a":[{"b":"}"}] }', "null", '"\\\\"'];
  expect(splitArray(` [ ${elements.join(" ,\n ")} ] `)).toEqual(elements);
  expect(splitArray("[]")).toEqual([]);
  expect(splitArray(" 7 ")).toEqual(["7"]);
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1), (values, space) => {
      expect(splitArray(JSON.stringify(values, null, space)).map((text) => JSON.parse(text) as unknown)).toEqual(
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});
