import type { Position } from "../logs/event-log.ts";

/** Digits of each half: enough for every safe integer. */
const DIGITS = 16;
const OFFSET = /^(\d{16})_(\d{16})$/u;

/**
 * A position as the protocol's opaque offset (Durable Streams §Offsets): in the order of the positions, also as text. The first half
 * is always zero.
 */
export function formatOffset(position: Position): string {
  return `${"0".repeat(DIGITS)}_${String(position).padStart(DIGITS, "0")}`;
}

/** @returns undefined for what is none; Infinity for one that is behind every position */
export function parseOffset(offset: string): Position | undefined {
  const [, high, low] = OFFSET.exec(offset) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const position = Number(low);
  return Number(high) === 0 && Number.isSafeInteger(position) ? position : Infinity;
}
