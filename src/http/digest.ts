import { SluiceTypeError } from "../errors.ts";

const SHA_256_BYTES = 32;

/** The grammar of RFC 9651 §3, as far as a field of digests needs it. No part of it can match in two ways: O(n). */
const KEY = String.raw`[a-z*][a-z0-9_.*-]*`;
const BARE_ITEM = [
  String.raw`-?\d{1,12}\.\d{1,3}`,
  String.raw`@?-?\d{1,15}`,
  String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`,
  String.raw`%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"`,
  String.raw`[A-Za-z*][!#$%&'*+.^_\x60|~\w:/-]*`,
  String.raw`:[A-Za-z0-9+/=]*:`,
  String.raw`\?[01]`,
].join("|");
const PARAMETERS = `(?:; *${KEY}(?:=(?:${BARE_ITEM}))?)*`;
const MEMBER = new RegExp(String.raw`(${KEY})=:([A-Za-z0-9+/=]*):${PARAMETERS}(?:[ \t]*(,)[ \t]*|$)`, "uy");

/**
 * A `Repr-Digest` field (RFC 9530 §3): the hash of the whole selected representation, after its content coding, also in a
 * 206 and for a HEAD.
 *
 * @param sha256 - 32 bytes
 * @throws SluiceTypeError `ERR_INVALID_OPTION` for any other number of bytes
 */
export function formatReprDigest(sha256: Uint8Array): string {
  if (sha256.byteLength !== SHA_256_BYTES) {
    throw new SluiceTypeError("ERR_INVALID_OPTION", `A SHA-256 has ${SHA_256_BYTES} bytes; got ${sha256.byteLength}`);
  }
  return `sha-256=:${btoa(String.fromCharCode(...sha256))}:`;
}

/**
 * Sets `Repr-Digest`; and for programs that ask for it by its old name (`Want-Digest: SHA-256`, RFC 3230 §4.3.1, as aria2 does, which
 * then compares it) `Digest`, too.
 */
export function setDigest(request: Request, headers: Headers, sha256: Uint8Array): void {
  const digest = formatReprDigest(sha256);
  headers.set("Repr-Digest", digest);
  if (/(?:^|,)[ \t]*sha-256[ \t]*(?:[,;]|$)/iu.test(request.headers.get("Want-Digest") ?? "")) {
    headers.set("Digest", `SHA-256=${digest.slice("sha-256=:".length, -1)}`);
  }
}

/**
 * The digests of a `Repr-Digest` or `Content-Digest` field (RFC 9530 §2, §3), by the name of their algorithm, known to us or
 * not. Of two by one name the last counts; parameters are passed over (RFC 9651 §3.2).
 *
 * @returns none where there is no field, or a malformed one: it counts as absent as a whole (RFC 9651 §4.2)
 */
export function parseReprDigest(field: string | null): Map<string, Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  const members = (field ?? "").trim();
  MEMBER.lastIndex = 0;
  let expectsMember = false;
  while (MEMBER.lastIndex < members.length || expectsMember) {
    const match = MEMBER.exec(members);
    const bytes = match ? decodeBase64(match[2]!) : undefined;
    if (!match || !bytes) return new Map();
    digests.set(match[1]!, bytes);
    expectsMember = match[3] !== undefined;
  }
  return digests;
}

function decodeBase64(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
  } catch {
    return undefined;
  }
}
