/** A content coding that can be made on the way. */
export type ContentCoding = "zstd" | "br" | "gzip";

/** Best first, where the client values them equally. */
const PREFERENCE: readonly ContentCoding[] = ["zstd", "br", "gzip"];

/** `q=0.5`, with whatever white space: whether it is a weight is looked at afterwards. */
const QUALITY = /;[ \t]*(q[ \t]*=[^;]*)/u;
const WEIGHT = /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/u;

/**
 * Picks the coding of a response by `Accept-Encoding` (RFC 9110 §12.5.3): the highest weight wins, and among equals the
 * first of `available`. No coding (`identity`) only wins where the client values it more than every one of them.
 *
 * @param field - the raw field; null where the request has none (then nothing is coded, which is always acceptable)
 * @param available - the codings that can be made, or lie there made before; best first
 * @returns undefined for no coding (`identity`), also where identity is refused but nothing else is on offer
 */
export function negotiateCoding(
  field: string | null,
  available: readonly ContentCoding[] = PREFERENCE,
): ContentCoding | undefined {
  if (field === null) return undefined;
  const weights = parseWeights(field);
  // `*` stands for what is not named, identity too. Identity is acceptable without being named, but asked for it is not.
  const weigh = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  let best: ContentCoding | undefined;
  let bestWeight = 0;
  for (const coding of available) {
    // RFC 9110 §8.4.1.3: x-gzip is another name of gzip, which `*` stands for only where neither is named.
    const weight = weigh(coding === "gzip" && !weights.has("gzip") && weights.has("x-gzip") ? "x-gzip" : coding);
    if (weight > bestWeight) {
      best = coding;
      bestWeight = weight;
    }
  }
  return bestWeight >= weigh("identity") ? best : undefined;
}

/**
 * `gzip;q=0.5, br` → { gzip: 0.5, br: 1 }. A weight that is none (RFC 9110 §12.4.2) makes its member be passed over; of
 * two members by one name the last counts. O(n).
 */
export function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  const members = field.toLowerCase();
  for (let start = 0, end; start < members.length; start = end + 1) {
    end = members.indexOf(",", start);
    if (end < 0) end = members.length;
    if (end === start) continue;
    const member = members.slice(start, end);
    const semicolon = member.indexOf(";");
    const name = (semicolon < 0 ? member : member.slice(0, semicolon)).trim();
    if (name === "") continue;
    const quality = semicolon < 0 ? undefined : QUALITY.exec(member)?.[1]!.trimEnd();
    if (quality !== undefined && !WEIGHT.test(quality)) continue;
    weights.set(name, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  return weights;
}
