/** What `new Headers()` takes; the runtimes name it differently. */
export type HeadersInput = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** Hop-by-hop fields (RFC 9110 §7.6.1) and framing: they are the connection's, never a response's. */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
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
export function isCompressible(mediaType: string | null): boolean {
  return mediaType !== null && (TEXT_TYPES.test(mediaType) || essence(mediaType) === "image/svg+xml");
}

/** Adds a field name to `Vary`, once (RFC 9110 §12.5.5). */
export function addVary(headers: Headers, field: string): void {
  const present = headers.get("Vary");
  if (present === null) headers.set("Vary", field);
  else if (!present.split(",").some((name) => ["*", field.toLowerCase()].includes(name.trim().toLowerCase()))) {
    headers.set("Vary", `${present}, ${field}`);
  }
}
