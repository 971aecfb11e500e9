import { essence } from "./headers.ts";

const MEDIA = /^(?:audio|font|image|video)\/[\w!#$&^.+-]+$/u;
const OTHER_SAFE_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/jsonl",
  "application/ogg",
  "application/pdf",
  "application/x-ndjson",
  "text/csv",
  "text/plain",
  "text/vtt",
]);

/**
 * Whether a browser may show this type inside the page's origin (`inline`) though nobody knows who wrote the bytes: a list
 * of what runs no script there. Anything else is to be an `attachment`.
 *
 * - Images, audio, video and fonts, but no SVG and nothing else of XML: browsers open every `…+xml` type as a document, and
 *   an element of XHTML in it runs scripts, whatever comes before the slash.
 * - Plain text, CSV, captions, JSON: shown as text, or saved.
 * - PDF: its scripts run in the viewer, which has no access to the origin.
 *
 * HTML, XML, scripts, style sheets, multipart types and all unknown ones are not in it. It only holds where the browser
 * believes the type, so send `X-Content-Type-Options: nosniff` with it.
 *
 * @param mediaType - parameters are passed over; case does not count
 */
export function isSafeInline(mediaType: string): boolean {
  const type = essence(mediaType);
  return OTHER_SAFE_TYPES.has(type) || (MEDIA.test(type) && !/svg|xml/u.test(type));
}

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
