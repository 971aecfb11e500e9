import { afterEach, describe, expect, it } from "vitest";
import { type Block, MAX_BLOCK_BYTES, leaseBlock, leasedBlocks, returnBlock } from "../../src/core/block-pool.ts";
import { CHUNK_BYTES, GATHER_BYTES, budget } from "../../src/core/budget.ts";

const { maxBytes } = budget;
const out: Block[] = [];

afterEach(() => {
  for (const block of out.splice(0)) returnBlock(block);
  budget.maxBytes = maxBytes;
  expect([leasedBlocks(), budget.usedBytes]).toEqual([0, 0]);
});

function lease(bytes: number): number {
  const block = leaseBlock(bytes);
  out.push(block);
  return block.byteLength;
}

describe("the pool of blocks", () => {
  it("grants an eighth of the budget, and everybody's right to all others", () => {
    const sizes = Array.from({ length: 500 }, () => lease(MAX_BLOCK_BYTES));
    expect(sizes[0]).toBe(MAX_BLOCK_BYTES);
    const granted = sizes.filter((size) => size > CHUNK_BYTES);
    expect(granted.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maxBytes / 8);
    expect(new Set(sizes.slice(granted.length))).toEqual(new Set([CHUNK_BYTES]));
  });

  it("grants the next one less, the more are out", () => {
    const sizes = Array.from({ length: 8 }, () => lease(MAX_BLOCK_BYTES));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(sizes.at(-1)).toBeLessThan(MAX_BLOCK_BYTES);
  });

  it("grants nothing without a budget", () => {
    budget.maxBytes = 0;
    expect(lease(MAX_BLOCK_BYTES)).toBe(CHUNK_BYTES);
  });

  it("makes no block where a larger one is there, but for a reader's first", () => {
    const first = leaseBlock(MAX_BLOCK_BYTES);
    returnBlock(first);
    const again = leaseBlock(GATHER_BYTES * 2);
    expect(again.buffer).toBe(first.buffer);
    returnBlock(again);
    expect(lease(GATHER_BYTES)).toBe(GATHER_BYTES);
  });
});
