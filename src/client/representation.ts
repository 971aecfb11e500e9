import { parseReprDigest } from "../http/digest.ts";
import { parseHttpDate } from "../http/validators.ts";

/** What proves that bytes fetched later belong to those fetched before, as it stood in the field. */
export interface Validator {
  readonly field: "etag" | "last-modified";
  readonly value: string;
}

/** Digests by the name of their algorithm, `sha-256` or `sha-512` (RFC 9530 §5). */
export type Digests = ReadonlyMap<string, Uint8Array>;

/** What a server has said of the bytes that it sends. */
export interface Representation {
  /** Strong; undefined where bytes fetched later cannot be joined to these. */
  readonly validator: Validator | undefined;
  /** In bytes; undefined until the server knows it. */
  readonly completeLength: number | undefined;
  readonly digests: Digests;
}

/** Whole seconds are all that an HTTP date knows: what was changed in the second of its answer may change in it again. */
const DATE_RESOLUTION_MS = 1000;
const ENTITY_TAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/u;
const DIGEST_BYTES: ReadonlyMap<string, number> = new Map([
  ["sha-256", 32],
  ["sha-512", 64],
]);

/**
 * The validator to send as `If-Range` (RFC 9110 §13.1.5): a strong entity tag; without any tag, a `Last-Modified` at least
 * one second before the `Date` of the same answer (RFC 9110 §8.8.2.2). A weak tag rules the date out, too.
 */
export function strongValidator(fields: Headers): Validator | undefined {
  const etag = fields.get("etag");
  if (etag !== null) return ENTITY_TAG.test(etag) ? { field: "etag", value: etag } : undefined;
  const lastModified = fields.get("last-modified");
  const modifiedMs = parseHttpDate(lastModified ?? "");
  const dateMs = parseHttpDate(fields.get("date") ?? "");
  if (lastModified === null || modifiedMs === undefined || dateMs === undefined) return undefined;
  return dateMs - modifiedMs >= DATE_RESOLUTION_MS ? { field: "last-modified", value: lastModified } : undefined;
}

export function isSameValidator(a: Validator | undefined, b: Validator | undefined): boolean {
  return a !== undefined && b !== undefined && a.field === b.field && a.value === b.value;
}

/** The digests of a `Repr-Digest` field that can be checked: of other algorithms, and of a wrong length, there are none. */
export function checkableDigests(field: string | null): Digests {
  const digests = [...parseReprDigest(field)];
  return new Map(digests.filter(([algorithm, bytes]) => DIGEST_BYTES.get(algorithm) === bytes.byteLength));
}

/** What is known of one representation after two answers about it: the later one counts. */
export function mergeKnowledge(known: Representation, later: Representation): Representation {
  return {
    validator: known.validator,
    completeLength: later.completeLength ?? known.completeLength,
    digests: new Map([...known.digests, ...later.digests]),
  };
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns undefined for what is not pairs of hexadecimal digits */
export function fromHex(hex: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-f]{2})*$/iu.test(hex)) return undefined;
  return Uint8Array.from(hex.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16));
}
