/** A content coding that can be made on the way. */
export type ContentCoding = "zstd" | "br" | "gzip";

/** Best first, where the client values them equally. */
const PREFERENCE: readonly ContentCoding[] = ["zstd", "br", "gzip"];

/**
 * Picks the coding of a response by `Accept-Encoding` (RFC 9110 §12.5.3): the highest weight wins, ours among equals.
 *
 * @param field - the raw field; null where the request has none (then nothing is coded, which is always acceptable)
 * @returns undefined for no coding (`identity`), also where identity is refused but nothing else is on offer
 */
export function negotiateCoding(
  field: string | null,
  available: readonly ContentCoding[] = PREFERENCE,
): ContentCoding | undefined {
  if (field === null) return undefined;
  const weights = parseWeights(field);
  const weigh = (coding: string): number | undefined => weights.get(coding) ?? weights.get("*");
  const identity = weights.get("identity") ?? (weights.get("*") === 0 ? 0 : 0.001);
  let best: ContentCoding | undefined;
  let bestWeight = 0;
  for (const coding of available) {
    const weight = weigh(coding) ?? (coding === "gzip" ? weights.get("x-gzip") : undefined) ?? 0;
    if (weight > bestWeight) {
      best = coding;
      bestWeight = weight;
    }
  }
  return bestWeight >= identity ? best : undefined;
}

/** `gzip;q=0.5, br` → { gzip: 0.5, br: 1 }. A weight that is none (RFC 9110 §12.4.2) makes its member be passed over. */
export function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.split(",")) {
    const [name, ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
    if (!name) continue;
    const q = parameters.find((parameter) => /^q\s*=/u.test(parameter));
    if (q !== undefined && !/^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/u.test(q)) continue;
    weights.set(name, q === undefined ? 1 : Number(q.slice(2)));
  }
  return weights;
}
