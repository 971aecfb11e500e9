/** A byte range as RFC 9110 §14.1.2 counts it: from 0, both ends inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** More specs than this in one field are not worth honouring: nobody needs them, and each costs a part (RFC 9110 §14.2). */
const MAX_RANGE_SPECS = 16;
const RANGES = /^bytes=(.*)$/isu;
const SPEC = /^(\d*)-(\d*)$/u;

/**
 * The ranges that a `Range` field asks for, cut to what there is, in the order asked.
 *
 * - `undefined`: the field is to be ignored, and everything sent: there is none, its unit is not bytes, one of its specs is
 *   invalid (which makes the whole set invalid, RFC 9110 §14.1.1), it has too many, or there is nothing to take a range of.
 * - `"unsatisfiable"`: it is valid, and nothing of it lies inside: 416 (RFC 9110 §15.5.17).
 *
 * @param completeLength - of the representation, in bytes
 */
export function parseRange(field: string | null, completeLength: number): ByteRange[] | "unsatisfiable" | undefined {
  const set = field === null ? undefined : RANGES.exec(field)?.[1];
  if (set === undefined || completeLength === 0) return undefined;
  // RFC 9110 §5.6.1.2: empty members of a list are passed over.
  const specs = set
    .split(",", MAX_RANGE_SPECS * 2 + 1)
    .map((spec) => spec.replace(/^[ \t]+|[ \t]+$/gu, ""))
    .filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > MAX_RANGE_SPECS) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, completeLength);
    if (range === undefined) return undefined;
    if (range !== "outside") ranges.push(range);
  }
  return ranges.length === 0 ? "unsatisfiable" : ranges;
}

/** `bytes 0-8/1000`; for a 416, where there is no range, an asterisk stands for it (RFC 9110 §14.4). */
export function formatContentRange(range: ByteRange | undefined, completeLength: number): string {
  return `bytes ${range ? `${range.first}-${range.last}` : "*"}/${completeLength}`;
}

function parseSpec(spec: string, completeLength: number): ByteRange | "outside" | undefined {
  const [, from, to] = SPEC.exec(spec) ?? [];
  if (from === undefined || to === undefined || from + to === "") return undefined;
  // Digits without end become Infinity, which is compared as the large number it stands for.
  if (from === "") {
    const suffix = Number(to);
    return suffix === 0 ? "outside" : { first: Math.max(0, completeLength - suffix), last: completeLength - 1 };
  }
  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  if (last < first) return undefined;
  return first >= completeLength ? "outside" : { first, last: Math.min(last, completeLength - 1) };
}
