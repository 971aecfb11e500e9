import { describe, expect, it } from "vitest";
import {
  Budget,
  CHUNK_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_TAIL_BYTES,
  GATHER_BYTES,
  READ_AHEAD_BYTES,
  leaseBuffer,
  returnBuffer,
} from "../../src/core/budget.ts";

describe("a budget", () => {
  it("has 64 MiB unless it is told otherwise", () => {
    expect(new Budget().maxBytes).toBe(64 * 1024 * 1024);
  });

  it("grants at once or not at all, up to its limit", () => {
    const budget = new Budget(100);
    expect(budget.grant(60)).toBe(true);
    expect(budget.grant(41)).toBe(false);
    expect(budget.usedBytes).toBe(60);
    expect(budget.grant(40)).toBe(true);
    budget.release(60);
    expect(budget.usedBytes).toBe(40);
  });

  it("counts what is there anyway, also beyond its limit", () => {
    const budget = new Budget(100);
    budget.count(1000);
    expect(budget.usedBytes).toBe(1000);
    expect(budget.grant(1)).toBe(false);
    budget.release(1000);
    expect(budget.grant(100)).toBe(true);
  });

  it("lets an eighth of itself be read ahead", () => {
    const budget = new Budget(READ_AHEAD_BYTES * 16);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(true);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(true);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(false);
    expect(budget.usedBytes).toBe(2 * READ_AHEAD_BYTES);
    budget.releaseReadAhead(READ_AHEAD_BYTES);
    expect(budget.usedBytes).toBe(READ_AHEAD_BYTES);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(true);
  });

  it("grants no reading ahead where nothing is left, and counts nothing then", () => {
    const budget = new Budget(READ_AHEAD_BYTES * 8);
    budget.count(READ_AHEAD_BYTES * 8);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(false);
    budget.release(READ_AHEAD_BYTES * 8);
    expect(budget.grantReadAhead(READ_AHEAD_BYTES)).toBe(true);
  });

  it("takes another limit while it is used", () => {
    const budget = new Budget(100);
    budget.grant(80);
    budget.maxBytes = 50;
    expect(budget.grant(1)).toBe(false);
    budget.release(80);
    expect(budget.grant(50)).toBe(true);
  });

  it.each([-1, 1.5, Number.NaN, Infinity])("refuses %s as a limit", (bytes) => {
    const budget = new Budget(100);
    expect(() => (budget.maxBytes = bytes)).toThrow(RangeError);
    expect(budget.maxBytes).toBe(100);
  });
});

describe("the pool", () => {
  it.each([CHUNK_BYTES, GATHER_BYTES] as const)("leases buffers of %i bytes with room for their framing", (bytes) => {
    expect(leaseBuffer(bytes).byteLength).toBe(FRAME_HEAD_BYTES + bytes + FRAME_TAIL_BYTES);
  });

  it("leases a buffer to one at a time, and again when it was returned", () => {
    const first = leaseBuffer(CHUNK_BYTES);
    const second = leaseBuffer(CHUNK_BYTES);
    expect(second).not.toBe(first);
    returnBuffer(first);
    expect(leaseBuffer(GATHER_BYTES)).not.toBe(first);
    expect(leaseBuffer(CHUNK_BYTES)).toBe(first);
  });

  it("keeps 16 buffers of a size at most", () => {
    const buffers = Array.from({ length: 20 }, () => leaseBuffer(GATHER_BYTES));
    for (const buffer of buffers) returnBuffer(buffer);
    const again = Array.from({ length: 20 }, () => leaseBuffer(GATHER_BYTES));
    expect(again.filter((buffer) => buffers.includes(buffer))).toHaveLength(16);
  });

  it("has room in the framing's head for the size of the largest write", () => {
    expect(`${READ_AHEAD_BYTES.toString(16)}\r\n`.length).toBeLessThanOrEqual(FRAME_HEAD_BYTES);
  });
});
