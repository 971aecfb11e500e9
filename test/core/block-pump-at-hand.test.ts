import { expect, test } from "vitest";
import { BlockPump } from "../../src/core/block-pump.ts";
import type { Piece } from "../../src/core/gather.ts";

test("bytes that are in memory go with the end, as they are, and nothing is read", () => {
  const atHand = new TextEncoder().encode("at hand");
  const log: string[] = [];
  let last: Piece | undefined;
  const blocks = {
    byteLength: atHand.byteLength,
    atHand,
    read: () => Promise.reject(new Error("unreachable: it was read")),
    close: () => void log.push("close"),
  };
  const sink = {
    write: () => Boolean(log.push("write")),
    end: (piece: Piece | undefined) => {
      last = piece;
      log.push("end");
      return false;
    },
  };
  const owner = {
    stallTimeoutMs: Infinity,
    onEnd: () => void log.push("onEnd"),
    onError: () => void log.push("onError"),
    onStall: () => void log.push("onStall"),
  };
  const pump = new BlockPump(blocks, sink, owner);
  pump.start();
  expect(log).toEqual(["end"]);
  expect(last!.parts[0]).toBe(atHand);
  expect(pump.bytesWritten).toBe(atHand.byteLength);
  pump.taken(false);
  expect(log).toEqual(["end", "close", "onEnd"]);
});
