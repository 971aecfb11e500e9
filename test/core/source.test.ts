import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import type { Item, Puller } from "../../src/core/puller.ts";
import { describe as describeValue } from "../../src/core/describe.ts";
import { type ValueSource, discardSource, isValueSource, openLazySource, openSource } from "../../src/core/source.ts";
import type { SluiceTypeError } from "../../src/errors.ts";
import { within } from "../helpers/deadline.ts";
import { turns } from "../helpers/pump-rig.ts";

const options = { origin: {}, leakReportMs: 1000 };
const context = { signal: new AbortController().signal };

function encode(value: unknown): Item {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw new TypeError("no item");
}

async function drain(puller: Puller): Promise<string> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const item = await within(Promise.resolve(puller.pull()), "an item");
    if (item === undefined) return Buffer.concat(parts).toString();
    parts.push(Buffer.from(item as string));
  }
}

async function* asyncLetters(): AsyncGenerator<string> {
  yield "a";
  await Promise.resolve();
  yield "b";
}

function* letters(): Generator<string> {
  yield "a";
  yield "b";
}

const sources: [string, () => ValueSource<unknown>][] = [
  ["an array", () => ["a", "b"]],
  ["a set", () => new Set(["a", "b"])],
  ["a generator", letters],
  ["an async generator", asyncLetters],
  ["an async iterable", () => ({ [Symbol.asyncIterator]: asyncLetters })],
  ["an iterator without return()", () => ({ [Symbol.iterator]: () => Iterator.from(["a", "b"]) })],
  ["a ReadableStream", () => ReadableStream.from(["a", "b"])],
  ["a byte stream", () => new Blob(["ab"]).stream()],
  ["a Blob", () => new Blob(["a", "b"])],
  ["a Node Readable of bytes", () => Readable.from([Buffer.from("a"), Buffer.from("b")], { objectMode: false })],
  ["a Node Readable of text", () => Readable.from([Buffer.from("a"), Buffer.from("b")]).setEncoding("utf8")],
  ["a Node Readable in object mode", () => Readable.from(["a", "b"], { objectMode: true })],
];

describe("a source", () => {
  it.each(sources)("may be %s", async (_kind, make) => {
    expect(isValueSource(make())).toBe(true);
    expect(await drain(openSource(make(), encode, options))).toBe("ab");
  });

  it.each(sources)("may be a function that returns %s, or a promise of it", async (_kind, make) => {
    const received: unknown[] = [];
    const puller = openLazySource((given) => (received.push(given), make()), context, encode, options);
    expect(await drain(puller)).toBe("ab");
    expect(await drain(openLazySource(async () => make(), context, encode, options))).toBe("ab");
    expect(received).toEqual([context]);
  });

  it.each([undefined, null, 5, "text", true, {}, new Uint8Array(3), new ArrayBuffer(3), Promise.resolve([])])(
    "may not be %s",
    (value) => {
      expect(isValueSource(value)).toBe(false);
      expect(() => openSource(value as never, encode, options)).toThrow(
        expect.objectContaining({ code: "ERR_SOURCE_TYPE" }),
      );
    },
  );

  it("is refused where a function returns none, at once or later", async () => {
    expect(() => openLazySource((() => 5) as never, context, encode, options)).toThrow("got a number");
    const puller = openLazySource((async () => "text") as never, context, encode, options);
    await expect(puller.pull()).rejects.toMatchObject({ code: "ERR_SOURCE_TYPE" } satisfies Partial<SluiceTypeError>);
  });

  it("is not read before it is pulled from", async () => {
    let pulls = 0;
    const source = { [Symbol.iterator]: () => ({ next: () => ({ done: ++pulls > 1, value: "a" }) }) };
    const puller = openSource(source as Iterable<string>, encode, options);
    await turns(2);
    expect(pulls).toBe(0);
    expect(await drain(puller)).toBe("a");
  });

  it("fails as its stream fails", async () => {
    const stream = new ReadableStream({ pull: (controller) => controller.error(new Error("torn")) });
    await expect(openSource(stream, encode, options).pull()).rejects.toThrow("torn");
    const readable = new Readable({
      read() {
        this.destroy(new Error("torn"));
      },
    });
    await expect(openSource(readable, encode, options).pull()).rejects.toThrow("torn");
  });

  it("fails where a Node Readable was destroyed before its end", async () => {
    const readable = Readable.from(["a"]);
    readable.destroy();
    await expect(openSource(readable, encode, options).pull()).rejects.toThrow();
  });

  it("keeps the value that a generator returned", async () => {
    const puller = openSource(
      (function* () {
        yield "a";
        return null;
      })(),
      encode,
      options,
    );
    await drain(puller);
    const later = openSource(
      (async function* () {
        yield "a";
        return 5;
      })(),
      encode,
      options,
    );
    expect(later.returned).toBeUndefined();
    await drain(later);
    expect([puller.returned, later.returned]).toEqual([null, 5]);
  });

  it.each([
    [
      "a generator",
      function* () {
        for (;;) yield 5;
      },
    ],
    [
      "an async generator",
      async function* () {
        for (;;) yield 5;
      },
    ],
  ])("that gave what cannot be sent is closed: %s", async (_kind, make) => {
    const source = make() as AsyncGenerator<number>;
    const puller = openSource(source, encode, options);
    await expect((async () => puller.pull())()).rejects.toThrow("no item");
    expect(await source.next()).toEqual({ done: true, value: undefined });
  });

  it("that gave what cannot be sent is cancelled: a ReadableStream", async () => {
    const cancel = vi.fn();
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(5), cancel });
    await expect(openSource(stream, encode, options).pull()).rejects.toThrow("no item");
    expect(cancel).toHaveBeenCalledTimes(1);
  });
});

describe("discarding a source that was never opened", () => {
  it("destroys a Node Readable", () => {
    const readable = Readable.from(["a"]);
    discardSource(readable);
    expect(readable.destroyed).toBe(true);
  });

  it("does not let a Node Readable that cannot be closed end the process", async () => {
    // An error event that nobody listens to is an uncaught exception, and would fail the run.
    const readable = new Readable({ read() {}, destroy: (_error, done) => done(new Error("cannot be closed")) });
    discardSource(readable);
    await turns(3);
    expect(readable.errored).toEqual(new Error("cannot be closed"));
  });

  it("cancels a ReadableStream, and leaves one alone that somebody reads", async () => {
    const cancel = vi.fn();
    discardSource(new ReadableStream({ cancel }));
    expect(cancel).toHaveBeenCalledTimes(1);
    const locked = new ReadableStream({ cancel });
    locked.getReader();
    discardSource(locked);
    await turns(2);
    expect(cancel).toHaveBeenCalledTimes(1);
  });

  it("returns a generator, and swallows what its cleaning up throws", async () => {
    const source = letters();
    discardSource(source);
    expect(source.next().done).toBe(true);
    discardSource({
      return() {
        throw new Error("its own");
      },
    });
    discardSource({ return: () => Promise.reject(new Error("its own")) });
    await turns(2);
    expect(() => discardSource(() => letters())).not.toThrow();
  });
});

describe("the description of a value in a message", () => {
  it.each([
    [null, "null"],
    [undefined, "undefined"],
    ["secret", "a string"],
    [5, "a number"],
    [() => {}, "a function"],
    [new Map(), "an object of class Map"],
    [Object.create(null), "an object"],
  ])("names the kind of %s, never its content", (value, said) => {
    expect(describeValue(value)).toBe(said);
  });
});
