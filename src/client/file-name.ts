/** Leaves room below the 255 bytes of most file systems for the endings of what is kept beside an unfinished file. */
const MAX_NAME_BYTES = 200;
const FALLBACK = "download";

/** One parameter of `Content-Disposition` (RFC 6266 §4.1): a token, or a quoted string. No part matches in two ways. */
const PARAMETER = /;[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*/suy;

/**
 * A name for what was downloaded: that of `Content-Disposition`, `filename*` before `filename` (RFC 6266 §4.3), else the
 * last segment of the URL's path. Only the last segment of a path counts; what would be hidden, or leave the folder, or
 * holds control characters is made harmless.
 */
export function fileNameOf(disposition: string | null, url: URL): string {
  return safeName(nameInDisposition(disposition ?? "")) ?? safeName(nameInPath(url)) ?? FALLBACK;
}

function nameInDisposition(field: string): string | undefined {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = Math.max(0, field.indexOf(";"));
  for (let match = PARAMETER.exec(field); match; match = PARAMETER.exec(field)) {
    const [, name, quoted, token] = match;
    const key = name!.toLowerCase();
    // Twice the same parameter is no valid field; the first one counts.
    if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/gsu, "$1") ?? token!);
  }
  const plain = parameters.get("filename");
  return decodeExtended(parameters.get("filename*")) ?? (plain === undefined ? undefined : decodeUtf8(plain));
}

/** RFC 8187 §3.2: `UTF-8''%e2%82%ac`. */
function decodeExtended(value: string | undefined): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/isu.exec(value ?? "") ?? [];
  return encoded === undefined ? undefined : decodePercent(encoded);
}

/** Fields arrive byte for byte; many servers write UTF-8 into them. */
function decodeUtf8(bytes: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
  } catch {
    return bytes;
  }
}

function nameInPath(url: URL): string | undefined {
  return decodePercent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function safeName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const safe = name
    .toWellFormed()
    .replace(/^.*[/\\]/su, "")
    // Control characters, and those that turn the direction of what stands on a terminal.
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "")
    .trim()
    .replace(/^\.+/u, "")
    .replace(/^-/u, "_");
  return safe === "" ? undefined : shorten(safe);
}

/** Cuts before the extension, between characters. */
function shorten(name: string): string {
  const encoder = new TextEncoder();
  const bytesOf = (text: string): number => encoder.encode(text).byteLength;
  if (bytesOf(name) <= MAX_NAME_BYTES) return name;
  const extension = /\.\w{1,16}$/u.exec(name)?.[0] ?? "";
  const characters = Array.from(name.slice(0, name.length - extension.length));
  while (bytesOf(characters.join("") + extension) > MAX_NAME_BYTES) characters.pop();
  return characters.join("") + extension;
}
