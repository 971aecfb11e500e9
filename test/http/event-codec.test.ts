import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EncodedEvent,
  type ServerSentEvent,
  encodeEvent,
  formatComment,
  formatEvent,
  formatRetry,
  lastEventIdOf,
} from "../../src/http/event-codec.ts";

interface Seen {
  events: { id: string | undefined; event: string | undefined; data: string }[];
  retries: number[];
  comments: string[];
}

/** What a strict parser reads, given the bytes in these portions. */
function parse(bytes: Uint8Array, cuts: readonly number[] = []): Seen {
  const seen: Seen = { events: [], retries: [], comments: [] };
  const parser = createParser({
    onEvent: ({ id, event, data }) => seen.events.push({ id, event, data }),
    onRetry: (retry) => seen.retries.push(retry),
    onComment: (comment) => seen.comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  const decoder = new TextDecoder();
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].toSorted(
    (one, other) => one - other,
  );
  let start = 0;
  for (const end of ends) {
    parser.feed(decoder.decode(bytes.subarray(start, end), { stream: true }));
    start = end;
  }
  return seen;
}

const wild = fc.string({
  unit: fc.constantFrom("a", " ", ":", "data", "id: 1", "é", "😀", "\n", "\r", "\r\n", "\ufeff", "\0", "\t"),
});
const oneLine = (text: string): string => text.replace(/[\r\n]/gu, "");
const linesOf = (text: string): string => text.replace(/\r\n|\r/gu, "\n");

const anEvent = fc.record(
  {
    data: wild,
    event: wild.map(oneLine),
    id: wild.map((text) => oneLine(text).replaceAll("\0", "").slice(0, 30)),
    retry: fc.nat(),
    comment: wild,
  },
  { requiredKeys: ["data"] },
);

describe("an event's frame", () => {
  it("is read as it was written, wherever it is split", () => {
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 6 }), fc.array(fc.nat(2000), { maxLength: 20 }), (events, cuts) => {
        const seen = parse(Buffer.concat(events.map((event) => encodeEvent(event as ServerSentEvent).bytes)), cuts);
        expect(seen.events.map(({ data }) => data)).toEqual(events.map(({ data }) => linesOf(data)));
        // An empty type is none, and an empty id too.
        expect(seen.events.map(({ event }) => event || undefined)).toEqual(
          events.map(({ event }) => event || undefined),
        );
        expect(seen.events.map(({ id }) => id || undefined)).toEqual(events.map(({ id }) => id || undefined));
        expect(seen.retries).toEqual(events.flatMap(({ retry }) => retry ?? []));
        const comments = events.flatMap(({ comment }) => (comment === undefined ? [] : linesOf(comment).split("\n")));
        expect(seen.comments).toEqual(comments);
      }),
      { numRuns: 500 },
    );
  });

  it("is read the same byte by byte", () => {
    const { bytes } = encodeEvent({ id: "ä1", event: "tick", retry: 10, comment: "über", data: "a\r\nb\r\rc\n" });
    const cuts = Array.from({ length: bytes.length }, (_, index) => index);
    expect(parse(bytes, cuts)).toEqual({
      events: [{ id: "ä1", event: "tick", data: "a\nb\n\nc\n" }],
      retries: [10],
      comments: ["über"],
    });
  });

  it.each([
    ["a string", "a", "data: a\n\n"],
    ["an empty string", "", "data: \n\n"],
    ["text with every line end", "a\nb\rc\r\nd", "data: a\ndata: b\ndata: c\ndata: d\n\n"],
    ["text with a line end at its end", "a\n", "data: a\ndata: \n\n"],
    ["text with a space at its start", " a", "data:  a\n\n"],
    ["an object as JSON", { data: { a: "x\ny" } }, 'data: {"a":"x\\ny"}\n\n'],
    ["a number as JSON", { data: 0 }, "data: 0\n\n"],
    ["null as JSON", { data: null }, "data: null\n\n"],
    ["no data, only a retry", { retry: 0 }, "retry: 0\n\n"],
    ["no data, only an id", { id: "" }, "id: \n\n"],
    ["a number as id", { id: 7, data: "a" }, "id: 7\ndata: a\n\n"],
    ["a comment of lines", { comment: "a\nb" }, ": a\n: b\n\n"],
    ["nothing", {}, ""],
    ["fields that are undefined", { data: undefined, id: undefined }, ""],
    [
      "all of it in order",
      { data: "d", retry: 1, event: "e", id: "i", comment: "c" },
      ": c\nid: i\nevent: e\nretry: 1\ndata: d\n\n",
    ],
  ])("is written of %s", (_what, event, frame) => {
    expect(formatEvent(event)).toBe(frame);
  });

  it.each<[string, unknown]>([
    ["LF in event", { event: "a\ndata: evil" }],
    ["CR in event", { event: "a\r" }],
    ["LF in id", { id: "1\nevent: evil" }],
    ["CR in id", { id: "1\r" }],
    ["NUL in id", { id: "a\0b" }],
    ["an id of 129 bytes", { id: `${"é".repeat(64)}a` }],
    ["an id that is no number", { id: Number.NaN }],
    ["an id that is an object", { id: {} }],
    ["an event that is a number", { event: 5 }],
    ["a comment that is a number", { comment: 5 }],
    ["a negative retry", { retry: -1 }],
    ["half a ms", { retry: 0.5 }],
    ["a retry that is text", { retry: "5" }],
    ["data that JSON has no form for", { data: () => {} }],
    ["data that is a symbol", { data: Symbol("a") }],
    ["data that is a bigint", { data: 5n }],
    [
      "data that refers to itself",
      {
        data: (() => {
          const a: unknown[] = [];
          a.push(a);
          return a;
        })(),
      },
    ],
    ["a number for an event", 5],
    ["null for an event", null],
    ["undefined for an event", undefined],
  ])("is refused for %s", (_what, event) => {
    expect(() => formatEvent(event as ServerSentEvent)).toThrow(
      expect.objectContaining({ code: "ERR_EVENT_FIELD", name: "SluiceTypeError" }),
    );
  });

  it("keeps the cause where data cannot be JSON", () => {
    const cause = new Error("its own");
    const data = {
      toJSON() {
        throw cause;
      },
    };
    expect(() => formatEvent({ data })).toThrow(expect.objectContaining({ code: "ERR_EVENT_FIELD", cause }));
  });

  it("may have an id of 128 bytes", () => {
    const id = "é".repeat(64);
    expect(parse(encodeEvent({ id, data: "a" }).bytes).events).toEqual([{ id, event: undefined, data: "a" }]);
  });
});

describe("an event encoded once", () => {
  it("is the frame's bytes", () => {
    const encoded = encodeEvent({ data: "é" });
    expect(encoded).toBeInstanceOf(EncodedEvent);
    expect(Buffer.from(encoded.bytes).toString()).toBe("data: é\n\n");
  });

  it("is refused as a frame is", () => {
    expect(() => encodeEvent({ id: "\n" })).toThrow(expect.objectContaining({ code: "ERR_EVENT_FIELD" }));
  });
});

describe("a retry and a comment by themselves", () => {
  it("are lines without a blank one", () => {
    expect(formatRetry(2000)).toBe("retry: 2000\n");
    expect(formatComment("keep-alive")).toBe(": keep-alive\n");
    expect(formatComment("")).toBe(": \n");
  });
});

describe("the last event ID of a request", () => {
  const request = (url: string, headers: Record<string, string> = {}): Request => new Request(url, { headers });
  const asLatin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

  it.each([
    ["is the header", "http://a/", { "Last-Event-ID": "7" }, "7"],
    ["is UTF-8, which came as Latin-1", "http://a/", { "Last-Event-ID": asLatin1("…é😀") }, "…é😀"],
    ["stays as it is where it is no UTF-8", "http://a/", { "Last-Event-ID": "\u00e9" }, "\u00e9"],
    ["is the query's where there is no header", "http://a/?x=1&lastEventId=a%20%C3%A9", {}, "a é"],
    ["is the header's where there are both", "http://a/?lastEventId=query", { "Last-Event-ID": "header" }, "header"],
    ["is none where the header is empty", "http://a/", { "Last-Event-ID": "" }, undefined],
    ["is the query's where the header is empty", "http://a/?lastEventId=1", { "Last-Event-ID": "" }, "1"],
    ["is none where the query's is empty", "http://a/?lastEventId=", {}, undefined],
    ["is none", "http://a/?other=1", {}, undefined],
  ])("%s", (_what, url, headers, id) => {
    expect(lastEventIdOf(request(url, headers))).toBe(id);
  });

  it("stays as it is where a runtime decoded it already", () => {
    const decoded = { headers: { get: () => "…é" }, url: "http://a/" } as unknown as Request;
    expect(lastEventIdOf(decoded)).toBe("…é");
  });

  it("comes back as it was sent, for every id that may be sent", () => {
    const ids = fc.string({
      unit: fc.constantFrom("a", "é", "😀", "€", "~", "/", "\ufeff"),
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(ids, (id) => {
        expect(lastEventIdOf(request("http://a/", { "Last-Event-ID": asLatin1(id) }))).toBe(id);
        expect(lastEventIdOf(request(`http://a/?lastEventId=${encodeURIComponent(id)}`))).toBe(id);
      }),
    );
  });
});
