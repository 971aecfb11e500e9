import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHUNK_BYTES, GATHER_BYTES } from "../../src/core/budget.ts";
import { Gather, type Item, releasePiece } from "../../src/core/gather.ts";

type Lease = number;

/** Text with pairs, halves of pairs and everything between, and bytes below and above the size that is copied. */
const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\ud83d", "\ude00", "\u0000"), maxLength: 40 });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 4000, max: 20_000 }).map((length) => new Uint8Array(length).map((_, index) => index)),
);
const items: fc.Arbitrary<Item[]> = fc.array(fc.oneof(text, bytes), { maxLength: 12 });

/** What the items are as bytes: neighbouring text is one string (WHATWG Encoding §7.4, TextEncoderStream). */
function encodeWhole(all: readonly Item[]): Buffer {
  const parts: Uint8Array[] = [];
  let run = "";
  const closeRun = (): void => {
    parts.push(new TextEncoder().encode(run));
    run = "";
  };
  for (const item of all) {
    if (typeof item === "string") run += item;
    else if (item.byteLength > 0) {
      closeRun();
      parts.push(item);
    }
  }
  closeRun();
  return Buffer.concat(parts);
}

/** Takes one piece; returns a copy of its bytes. */
function takeCopy(gather: Gather, maxBytes: number, lease: Lease, final: boolean): Buffer | undefined {
  const piece = gather.take(maxBytes, lease, final);
  if (!piece) return undefined;
  const copy = Buffer.concat(piece.parts);
  expect(copy.byteLength).toBe(piece.byteLength);
  expect(copy.byteLength).toBeLessThanOrEqual(maxBytes);
  if (piece.framed) expect(copy.equals(piece.framed.subarray(10, 10 + piece.byteLength))).toBe(true);
  releasePiece(piece);
  return copy;
}

function drain(gather: Gather, maxBytes: number, lease: Lease, final: boolean): Buffer {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = takeCopy(gather, maxBytes, lease, final);
    if (!piece) return Buffer.concat(pieces);
    pieces.push(piece);
  }
}

describe("gather", () => {
  it("gives the bytes of the items, wherever a piece is taken", () => {
    const takes = fc.array(fc.record({ at: fc.nat(12), maxBytes: fc.integer({ min: 0, max: 20_000 }) }));
    fc.assert(
      fc.property(items, takes, fc.constantFrom<Lease>(CHUNK_BYTES, GATHER_BYTES), (all, plan, lease) => {
        const gather = new Gather();
        const pieces: Buffer[] = [];
        all.forEach((item, index) => {
          gather.add(item);
          for (const { at, maxBytes } of plan) {
            if (at === index) pieces.push(takeCopy(gather, maxBytes, lease, false) ?? Buffer.alloc(0));
          }
        });
        pieces.push(drain(gather, 20_000, lease, true));
        expect(Buffer.concat(pieces).equals(encodeWhole(all))).toBe(true);
        expect(gather.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("gives text as TextEncoderStream does, in whatever parts it comes", async () => {
    const parts = fc.array(text, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(parts, async (all) => {
        const gather = new Gather();
        const pieces: Buffer[] = [];
        for (const item of all) {
          gather.add(item);
          pieces.push(drain(gather, CHUNK_BYTES, CHUNK_BYTES, false));
        }
        pieces.push(drain(gather, CHUNK_BYTES, CHUNK_BYTES, true));
        const stream = ReadableStream.from(all).pipeThrough(new TextEncoderStream());
        expect(Buffer.concat(pieces)).toEqual(Buffer.concat(await Array.fromAsync(stream)));
      }),
      { numRuns: 200 },
    );
  });

  it("waits with the first half of a pair for the second", () => {
    const gather = new Gather();
    gather.add("a\ud83d");
    expect(takeCopy(gather, 100, CHUNK_BYTES, false)?.toString()).toBe("a");
    expect(takeCopy(gather, 100, CHUNK_BYTES, false)).toBeUndefined();
    gather.add("\ude00b");
    expect(takeCopy(gather, 100, CHUNK_BYTES, false)?.toString()).toBe("😀b");
  });

  it("makes U+FFFD of a half that stays alone at the end or before bytes", () => {
    const gather = new Gather();
    gather.add("\ud83d");
    gather.add(Uint8Array.of(0x41));
    expect(takeCopy(gather, 100, CHUNK_BYTES, false)?.toString()).toBe("\ufffdA");
    gather.add("\ud83d");
    expect(takeCopy(gather, 100, CHUNK_BYTES, true)?.toString()).toBe("\ufffd");
  });

  it.each([
    ["a string", "€".repeat(1_000_000)],
    ["bytes", new Uint8Array(3_000_000).map((_, index) => index)],
  ])("slices %s that is larger than any piece", (_kind, item) => {
    const gather = new Gather();
    gather.add(item);
    expect(drain(gather, GATHER_BYTES, GATHER_BYTES, true).equals(encodeWhole([item]))).toBe(true);
  });

  it("gives large bytes by reference and copies small ones together", () => {
    const gather = new Gather();
    const large = new Uint8Array(4096);
    gather.add(new Uint8Array(10));
    gather.add("text");
    gather.add(large);
    gather.add(new Uint8Array(4095));
    const piece = gather.take(100_000, CHUNK_BYTES, false)!;
    expect(piece.parts.map(({ byteLength }) => byteLength)).toEqual([14, 4096, 4095]);
    expect(piece.parts[1]).toBe(large);
    expect(piece.framed).toBeUndefined();
    releasePiece(piece);
  });

  it("copies at most what was leased", () => {
    const gather = new Gather();
    for (let index = 0; index < 100; index++) gather.add("x".repeat(1000));
    expect(takeCopy(gather, 1_000_000, CHUNK_BYTES, false)?.byteLength).toBe(CHUNK_BYTES);
  });

  it("says what it holds, and lets go of it", () => {
    const gather = new Gather();
    gather.add("€€");
    gather.add(new Uint8Array(5));
    expect(gather.size).toBe(7);
    gather.clear();
    expect(gather.size).toBe(0);
    expect(gather.take(100, CHUNK_BYTES, true)).toBeUndefined();
    gather.add("b");
    expect(takeCopy(gather, 100, CHUNK_BYTES, true)?.toString()).toBe("b");
  });
});
