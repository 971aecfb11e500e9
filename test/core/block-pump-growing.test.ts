import { BlockPump } from "../../src/core/block-pump.ts";
import type { Blocks } from "../../src/core/blocks.ts";
import { endReadTurn, takeReadTurn } from "../../src/core/read-turns.ts";
import { expect, test } from "vitest";
import { within } from "../helpers/deadline.ts";

/** More than may read at a time. */
const BODIES = 64;

/** Bytes whose end becomes known while they are read. */
function ending(): Blocks {
  let isOver = false;
  return {
    get byteLength() {
      return isOver ? 5 : Infinity;
    },
    availableLength: 5,
    awaitMore: () => false,
    async read(buffer) {
      isOver = true;
      buffer.fill(0x61, 0, 5);
      return 5;
    },
    close() {},
  };
}

test("a body that turns out to be small while it is read gives its turn back", async () => {
  for (let count = 0; count < BODIES; count++) {
    let written = 0;
    const ended = new Promise<void>((resolve, reject) => {
      const sink = {
        write: (piece: { byteLength: number }) => (written += piece.byteLength) > 0,
        end: (piece?: { byteLength: number }) => (written += piece?.byteLength ?? 0) >= 0,
      };
      const owner = { stallTimeoutMs: Infinity, onEnd: resolve, onError: reject, onStall: () => {} };
      new BlockPump(ending(), sink, owner).start();
    });
    await within(ended, `the end of body ${count}`);
    expect(written).toBe(5);
  }
  await within(new Promise<void>((resolve) => takeReadTurn(resolve)), "a turn");
  endReadTurn();
});
