import { CHUNK_BYTES, GATHER_BYTES, budget } from "./budget.ts";
import { after } from "./clocks.ts";

/** The largest block, in bytes: from here on the cost of a read and a write is that of copying. */
export const MAX_BLOCK_BYTES: number = 2 * 1024 * 1024;
/** Blocks that are larger than everybody's right may use up to this part of the budget. */
const SHARE = 1 / 4;
/** Blocks without an owner that are kept for the next one, in bytes. */
const MAX_FREE_BYTES = 4 * MAX_BLOCK_BYTES;
/** Where no block was wanted for this time, none is kept, in ms. */
const IDLE_MS = 1_000;

export type Block = Uint8Array<ArrayBuffer>;

const free = new Map<number, Block[]>();
let freeBytes = 0;
let leased = 0;
/** Bytes of leased blocks that were granted. */
let grantedBytes = 0;
let usedAt = 0;
let sweep: ReturnType<typeof after>;

/**
 * A buffer to read into, of `wantedBytes` where they are granted, else less: down to {@link CHUNK_BYTES}, which are
 * everybody's right. Sizes are powers of two. The more blocks are out, the smaller the next one, so that few fast readers
 * leave something for the others.
 */
export function leaseBlock(wantedBytes: number): Block {
  const share = Math.max((budget.maxBytes * SHARE) / (leased + 1), GATHER_BYTES);
  let bytes = CHUNK_BYTES;
  while (bytes < wantedBytes && bytes * 2 <= Math.min(share, MAX_BLOCK_BYTES)) bytes *= 2;
  while (bytes > CHUNK_BYTES && !grant(bytes)) bytes /= 2;
  if (bytes > CHUNK_BYTES) leased++;
  const block = free.get(bytes)?.pop();
  if (!block) return new Uint8Array(bytes);
  freeBytes -= bytes;
  return block;
}

/** Gives a block back: what is in it is written over by the next owner. */
export function returnBlock(block: Block): void {
  const bytes = block.byteLength;
  releaseBlock(block);
  // Sizes that are no longer wanted make room.
  if (freeBytes + bytes > MAX_FREE_BYTES) dropFree();
  freeBytes += bytes;
  usedAt = performance.now();
  sweep ??= after(IDLE_MS, dropUnused);
  const blocks = free.get(bytes);
  if (blocks) blocks.push(block);
  else free.set(bytes, [block]);
}

/** Gives a block up that somebody may still read from: the garbage collector knows when nobody does. */
export function releaseBlock({ byteLength }: Block): void {
  if (byteLength <= CHUNK_BYTES) return;
  leased--;
  grantedBytes -= byteLength;
  budget.release(byteLength);
}

/** Whether blocks that wait for their readers should rather be given to others, and read again. */
export function areBlocksScarce(): boolean {
  return grantedBytes > (budget.maxBytes * SHARE) / 2;
}

function dropUnused(): void {
  const rest = usedAt + IDLE_MS - performance.now();
  sweep = rest > 0 ? after(rest, dropUnused) : undefined;
  if (!sweep) dropFree();
}

function dropFree(): void {
  free.clear();
  freeBytes = 0;
}

function grant(bytes: number): boolean {
  if (grantedBytes + bytes > budget.maxBytes * SHARE || !budget.grant(bytes)) return false;
  grantedBytes += bytes;
  return true;
}
