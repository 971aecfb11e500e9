/** Intervals are counted from 2024-10-09T00:00:00Z. */
const EPOCH_MS = Date.UTC(2024, 9, 9);
const INTERVAL_MS = 20_000;
const MAX_JITTER_SECONDS = 3600;

/**
 * The cursor that a live answer gives (Durable Streams §Caching): requests in one interval have the same address, so that caches
 * send one of them on. It is always greater than the reader's own, or he would be given the same answer again.
 *
 * @param own - what the reader has sent
 * @param random - from 0 to 1
 */
export function nextCursor(own: string | null, nowMs: number, random: () => number = Math.random): string {
  const current = Math.floor((nowMs - EPOCH_MS) / INTERVAL_MS);
  const had = own !== null && /^\d{1,15}$/u.test(own) ? Number(own) : -1;
  if (had < current) return String(current);
  const jitter = Math.ceil((1 + random() * (MAX_JITTER_SECONDS - 1)) / (INTERVAL_MS / 1000));
  return String(had + Math.max(1, jitter));
}
