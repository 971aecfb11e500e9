import type { FileStats } from "./file-validators.ts";

export interface HashJob {
  readonly path: string;
  readonly key: string;
}

export interface HashResult {
  readonly key: string;
  readonly sha256: Uint8Array | undefined;
}

/** One state of one file: what is written to it, or put in its place, has another. */
export function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: FileStats): string {
  return `${dev}-${ino}-${size}-${mtimeNs}-${ctimeNs}`;
}
