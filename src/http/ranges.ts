/** A part of a representation, in bytes, as RFC 9110 §14.1.2 counts it: from 0, both ends inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a `Content-Range` field says; `undefined` stands for its asterisks. */
export interface ContentRange {
  /** Undefined in a 416. */
  readonly range: ByteRange | undefined;
  /** In bytes; undefined where the sender does not know it yet. */
  readonly completeLength: number | undefined;
}

/** More specs than this in one field are not worth honouring: nobody needs them, and each costs a part (RFC 9110 §14.2). */
const MAX_RANGE_SPECS = 16;
/** Ranges that share a byte with one asked before them (RFC 9110 §14.2: more than two are no honest request). */
const MAX_OVERLAPS = 2;
/** Ranges that begin before the one before them: each makes the disk, or the store behind it, go back. */
const MAX_DESCENTS = 4;
/** Ranges nearer than this are sent as one: a part's head is about as long (RFC 9110 §15.3.7.2). */
const MIN_GAP_BYTES = 128;

/**
 * One spec, with the empty members around it (RFC 9110 §5.6.1.2). Each character can be matched in one way only, so that
 * every field is read in O(n).
 */
const SPEC = /[ \t,]*(\d*)-(\d*)[ \t]*(?:,|$)[ \t,]*/uy;
const CONTENT_RANGE = /^(?:(\d+)-(\d+)|\*)\/(?:(\d+)|\*)$/u;

/**
 * The ranges that a `Range` field asks for, cut to what there is, in the order asked. One that is asked alone is never
 * changed otherwise; of several, those that overlap, touch or nearly touch become one, in the place of the first of them.
 *
 * - `undefined`: the field is to be ignored, and everything sent: there is none, its unit is not bytes, one of its specs is
 *   invalid (which makes the whole set invalid, RFC 9110 §14.1.1), it asks for too many, too many overlap or go back
 *   (RFC 9110 §14.2 allows it), or there is nothing to take a range of.
 * - `"unsatisfiable"`: it is valid, and nothing of it lies inside: 416 (RFC 9110 §15.5.17).
 *
 * @param completeLength - of the representation, in bytes, a safe integer
 */
export function parseRange(field: string | null, completeLength: number): ByteRange[] | "unsatisfiable" | undefined {
  if (field === null || completeLength === 0 || !beginsWithUnit(field, "bytes=")) return undefined;
  const ranges = parseSet(field, "bytes=".length, completeLength);
  if (ranges?.length === 0) return "unsatisfiable";
  if (ranges === undefined || ranges.length === 1) return ranges;
  if (countOverlaps(ranges) > MAX_OVERLAPS || countDescents(ranges) > MAX_DESCENTS) return undefined;
  return coalesce(ranges);
}

/** `bytes 0-8/1000`; for a 416, where there is no range, an asterisk stands for it (RFC 9110 §14.4). */
export function formatContentRange(range: ByteRange | undefined, completeLength: number): string {
  return `bytes ${range ? `${range.first}-${range.last}` : "*"}/${completeLength}`;
}

/**
 * What a `Content-Range` field says (RFC 9110 §14.4).
 *
 * @returns undefined for none, and for one that must not be used: its unit is not bytes, it is malformed, it ends before it
 *   begins or behind the complete length, or one of its numbers is no safe integer
 */
export function parseContentRange(field: string | null): ContentRange | undefined {
  if (field === null || !beginsWithUnit(field, "bytes ")) return undefined;
  const match = CONTENT_RANGE.exec(field.slice("bytes ".length));
  if (!match) return undefined;
  const [first, last, completeLength] = match.slice(1).map((digits?: string) => digits && Number(digits)) as (
    | number
    | undefined
  )[];
  if (![first, last, completeLength].every((number) => number === undefined || Number.isSafeInteger(number))) {
    return undefined;
  }
  if (first === undefined || last === undefined) {
    return completeLength === undefined ? undefined : { range: undefined, completeLength };
  }
  if (last < first || (completeLength !== undefined && last >= completeLength)) return undefined;
  return { range: { first, last }, completeLength };
}

/** Range units are compared without case (RFC 9110 §14.1). */
function beginsWithUnit(field: string, unit: string): boolean {
  return field.slice(0, unit.length).toLowerCase() === unit;
}

/** The specs that lie inside; undefined where one is invalid, there are too many, or none. */
function parseSet(field: string, start: number, completeLength: number): ByteRange[] | undefined {
  const ranges: ByteRange[] = [];
  let specs = 0;
  SPEC.lastIndex = start;
  while (SPEC.lastIndex < field.length) {
    const match = SPEC.exec(field);
    if (!match || ++specs > MAX_RANGE_SPECS) return undefined;
    const range = parseSpec(match[1]!, match[2]!, completeLength);
    if (range === undefined) return undefined;
    if (range !== "outside") ranges.push(range);
  }
  return specs === 0 ? undefined : ranges;
}

/** Digits without end become Infinity, which is compared as the large number it stands for. */
function parseSpec(from: string, to: string, completeLength: number): ByteRange | "outside" | undefined {
  if (from === "") {
    if (to === "") return undefined;
    const suffix = Number(to);
    return suffix === 0 ? "outside" : { first: Math.max(0, completeLength - suffix), last: completeLength - 1 };
  }
  if (to !== "" && isLess(to, from)) return undefined;
  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  return first >= completeLength ? "outside" : { first, last: Math.min(last, completeLength - 1) };
}

/** Compares digits as the integers they are, which numbers cannot beyond 2^53. */
function isLess(digits: string, than: string): boolean {
  const a = digits.replace(/^0+/u, "");
  const b = than.replace(/^0+/u, "");
  return a.length === b.length ? a < b : a.length < b.length;
}

/** O(n²) of at most {@link MAX_RANGE_SPECS}. */
function countOverlaps(ranges: readonly ByteRange[]): number {
  const overlapsEarlier = ({ first, last }: ByteRange, index: number): boolean =>
    ranges.slice(0, index).some((earlier) => first <= earlier.last && earlier.first <= last);
  return ranges.filter(overlapsEarlier).length;
}

function countDescents(ranges: readonly ByteRange[]): number {
  return ranges.filter(({ first }, index) => index > 0 && first < ranges[index - 1]!.first).length;
}

function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const ascending = ranges
    .map(({ first, last }, place) => ({ first, last, place }))
    .toSorted((a, b) => a.first - b.first);
  const merged: typeof ascending = [];
  for (const range of ascending) {
    const before = merged.at(-1);
    if (before && range.first - before.last - 1 < MIN_GAP_BYTES) {
      before.last = Math.max(before.last, range.last);
      before.place = Math.min(before.place, range.place);
    } else {
      merged.push(range);
    }
  }
  return merged.toSorted((a, b) => a.place - b.place).map(({ first, last }) => ({ first, last }));
}
