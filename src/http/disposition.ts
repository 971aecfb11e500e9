/**
 * A `Content-Disposition` field for a download (RFC 6266), with the name twice where it needs more than ASCII: a fallback
 * for old clients, and `filename*` in UTF-8 (RFC 8187 §3.2).
 *
 * Of a path only the last segment is used; control characters are dropped; what other systems forbid in a name becomes `_`
 * in the fallback only.
 *
 * @example contentDisposition("Übersicht 2026.csv")
 * // attachment; filename="_bersicht 2026.csv"; filename*=UTF-8''%C3%9Cbersicht%202026.csv
 */
export function contentDisposition(filename: string, type: "attachment" | "inline" = "attachment"): string {
  const name = filename
    .toWellFormed()
    .replace(/^.*[/\\]/su, "")
    .replace(/\p{Cc}/gu, "");
  if (name === "" || name === "." || name === "..") return type;
  const ascii = name.replace(/[^\x20-\x7e]/gu, "_");
  // A percent sign followed by two digits is decoded by some clients; a quoted string needs its quotes escaped.
  const fallback = ascii.replace(/%(?=[0-9a-f]{2})/giu, "_").replace(/["\\]/gu, "\\$&");
  const field = `${type}; filename="${fallback}"`;
  return fallback === name ? field : `${field}; filename*=UTF-8''${encodeExtended(name)}`;
}

/** RFC 8187 §3.2.1 `value-chars`: everything but `attr-char` is percent-encoded. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/gu, (character) =>
    character === "!" ? "!" : `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
