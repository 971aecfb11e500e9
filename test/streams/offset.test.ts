import { assert, maxSafeInteger, nat, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { formatOffset, parseOffset } from "../../src/streams/offset.ts";

const position = maxSafeInteger().map(Math.abs);

describe("an offset", () => {
  test("is read back as the position that it was made of", () => {
    assert(
      property(position, (at) => {
        expect(parseOffset(formatOffset(at))).toBe(at);
      }),
    );
  });

  test("is in the order of the positions, as text", () => {
    assert(
      property(position, position, (one, other) => {
        expect(formatOffset(one) < formatOffset(other)).toBe(one < other);
      }),
    );
  });

  // The protocol's limits for an offset; `~` and `!` are what we put behind and between them.
  test("has none of the signs that stand around offsets, and is short", () => {
    assert(
      property(nat(), (at) => {
        expect(formatOffset(at)).not.toMatch(/[,&=?/~!\s]/u);
        expect(formatOffset(at).length).toBeLessThan(256);
      }),
    );
  });

  test.each([
    "",
    "0",
    "-1",
    "now",
    "0000000000000000_000000000000000",
    "0000000000000000_00000000000000001",
    "0000000000000000-0000000000000001",
    "0000000000000000_0000000000000001!",
    " 0000000000000000_0000000000000001",
    "0000000000000000_0000000000000001\n",
    "0000000000000000_000000000000000a",
    "0000000000000000_٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١",
    "0000000000000000_1e00000000000001",
  ])("is not %j", (text) => {
    expect(parseOffset(text)).toBe(undefined);
  });

  test.each([
    "0000000000000001_0000000000000000",
    "9999999999999999_9999999999999999",
    "0000000000000000_9007199254740992",
  ])("is behind every position where it is too large for one: %s", (text) => {
    expect(parseOffset(text)).toBe(Infinity);
  });
});
