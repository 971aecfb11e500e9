import { InvalidArgumentError } from "commander";
import { fromHex } from "../../client/representation.ts";

const SHA_256_BYTES = 32;
const MAX_SECONDS = 86_400;
/** They belong to how a download works. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError("A URL begins with http:// or https://.");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidArgumentError("A URL begins with http:// or https://.");
  }
  return url;
}

/** One more of the fields that were given before. */
export function parseField(text: string, fields: Headers): Headers {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0)).trim();
  if (OWN_FIELDS.has(name.toLowerCase())) throw new InvalidArgumentError(`${name} is not yours to set.`);
  try {
    const more = new Headers(fields);
    more.append(name, text.slice(colon + 1));
    return more;
  } catch {
    throw new InvalidArgumentError('A field is "Name: value".');
  }
}

export function parseSha256(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes?.byteLength !== SHA_256_BYTES) throw new InvalidArgumentError("A SHA-256 has 64 hexadecimal digits.");
  return bytes;
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(?:\.\d+)?$/u.test(text) || seconds === 0 || seconds > MAX_SECONDS) {
    throw new InvalidArgumentError(`A time is a number of seconds above 0, up to ${MAX_SECONDS}.`);
  }
  return seconds;
}

export function parseWhole(text: string): number {
  const count = Number(text);
  if (!/^\d+$/u.test(text) || !Number.isSafeInteger(count))
    throw new InvalidArgumentError("A count is an integer ≥ 0.");
  return count;
}
