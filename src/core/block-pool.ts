import { CHUNK_BYTES, GATHER_BYTES, budget } from "./budget.ts";
import { after } from "./clocks.ts";

/** The largest block, in bytes: from here on the cost of a read and a write is that of copying. */
export const MAX_BLOCK_BYTES: number = 2 * 1024 * 1024;
/** Blocks that are larger than everybody's right may use up to this part of the budget. */
const SHARE = 1 / 8;
/** Blocks of everybody's right that are kept for the next one. */
const MAX_FREE_CHUNKS = 64;
/** Where no block was wanted for this time, none is kept, in ms. */
const IDLE_MS = 1_000;

export type Block = Uint8Array<ArrayBuffer>;

/** Blocks without an owner, by size. With those that are leased they are never more than the share. */
const free = new Map<number, Block[]>();
let freeBytes = 0;
let leased = 0;
/** Bytes of leased blocks that were granted. */
let grantedBytes = 0;
let usedAt = 0;
let sweep: ReturnType<typeof after>;

/**
 * A buffer to read into, of `wantedBytes` or more where they are granted, else less: down to {@link CHUNK_BYTES}, which are
 * everybody's right. Sizes are powers of two. The more blocks are out, the smaller the next one, so that few fast readers
 * leave something for the others.
 */
export function leaseBlock(wantedBytes: number): Block {
  const share = Math.max(shareBytes() / (leased + 1), GATHER_BYTES);
  let bytes = CHUNK_BYTES;
  while (bytes < wantedBytes && bytes * 2 <= Math.min(share, MAX_BLOCK_BYTES)) bytes *= 2;
  while (bytes > CHUNK_BYTES && !isGrantable(bytes)) bytes /= 2;
  // What is there is taken, though larger, before anything is made: making it faster than it is collected is no bound.
  // Not for the first blocks of a reader: he may keep them.
  for (let larger = bytes; larger <= MAX_BLOCK_BYTES && bytes > GATHER_BYTES; larger *= 2) {
    if (!free.get(larger)?.length || !isGrantable(larger)) continue;
    bytes = larger;
    break;
  }
  const block = free.get(bytes)?.pop();
  if (bytes > CHUNK_BYTES) {
    leased++;
    grantedBytes += bytes;
    budget.count(bytes);
    if (block) freeBytes -= bytes;
    else makeRoom();
  }
  return block ?? new Uint8Array(bytes);
}

/** Gives a block back: what is in it is written over by the next owner. */
export function returnBlock(block: Block): void {
  const bytes = block.byteLength;
  releaseBlock(block);
  const blocks = free.get(bytes) ?? [];
  free.set(bytes, blocks);
  if (bytes > CHUNK_BYTES) freeBytes += bytes;
  else if (blocks.length === MAX_FREE_CHUNKS) return;
  blocks.push(block);
  usedAt = performance.now();
  sweep ??= after(IDLE_MS, dropUnused);
  makeRoom();
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
  return grantedBytes > shareBytes() / 2;
}

/** Granted blocks that are out now. */
export function leasedBlocks(): number {
  return leased;
}

/** Sizes that are no longer wanted make room for those that are. */
function makeRoom(): void {
  for (const [bytes, blocks] of free) {
    if (bytes <= CHUNK_BYTES) continue;
    while (freeBytes + grantedBytes > shareBytes() && blocks.pop()) freeBytes -= bytes;
  }
}

function shareBytes(): number {
  return budget.maxBytes * SHARE;
}

function dropUnused(): void {
  const rest = usedAt + IDLE_MS - performance.now();
  sweep = rest > 0 ? after(rest, dropUnused) : undefined;
  if (sweep) return;
  free.clear();
  freeBytes = 0;
}

function isGrantable(bytes: number): boolean {
  return grantedBytes + bytes <= shareBytes() && budget.usedBytes + bytes <= budget.maxBytes;
}
