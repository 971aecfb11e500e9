/** What `new Headers()` takes; the runtimes name it differently. */
export type HeadersInput = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** Hop-by-hop fields (RFC 9110 §7.6.1) and framing: they are the connection's, never a response's. */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

const TEXT_TYPES = /^(?:text\/|application\/(?:json|xml|javascript|jsonl|x-ndjson)\b|[^;]+\+(?:json|xml)\b)/iu;

/** `text/plain` → `text/plain; charset=utf-8`: text is always sent as UTF-8, and says so. Other types stay as they are. */
export function withCharset(mediaType: string): string {
  return /^text\//iu.test(mediaType) && !/;\s*charset=/iu.test(mediaType) ? `${mediaType}; charset=utf-8` : mediaType;
}

/** The type and subtype, in lower case, without parameters. */
export function essence(mediaType: string): string {
  return mediaType.split(";", 1)[0]!.trim().toLowerCase();
}

/** Whether bytes of this type are worth compressing. */
export function isCompressible(mediaType: string | undefined): boolean {
  return mediaType !== undefined && (TEXT_TYPES.test(mediaType) || essence(mediaType) === "image/svg+xml");
}

/** A `Vary` field with one more name in it, once (RFC 9110 §12.5.5). */
export function varyWith(present: string | undefined, name: string): string {
  if (!present) return name;
  const names = present.split(",").map((member) => member.trim().toLowerCase());
  return names.includes("*") || names.includes(name.toLowerCase()) ? present : `${present}, ${name}`;
}
