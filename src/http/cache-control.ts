import { SluiceTypeError } from "../errors.ts";

/** The directives of a response (RFC 9111 §5.2.2), named as they are in the field. Durations are in s. */
export interface CacheControlOptions {
  /** Caches that serve many users may store it. */
  readonly public?: boolean | undefined;
  /** Only the user's own cache may store it. */
  readonly private?: boolean | undefined;
  /** Stored, but asked about before each use: with a validator that costs a 304. */
  readonly noCache?: boolean | undefined;
  /** Never stored. */
  readonly noStore?: boolean | undefined;
  /** Nobody recodes it on its way: its strong validators stay true, so that it can be resumed (RFC 9110 §7.7). */
  readonly noTransform?: boolean | undefined;
  /** Never used stale. */
  readonly mustRevalidate?: boolean | undefined;
  /** It does not change while it is fresh, so that not even a reload asks (RFC 8246). Needs `maxAgeSeconds`. */
  readonly immutable?: boolean | undefined;
  /** How long it is fresh. */
  readonly maxAgeSeconds?: number | undefined;
  /** How long it is fresh in caches that serve many users. */
  readonly sMaxageSeconds?: number | undefined;
  /** How long it may be used stale while it is asked about (RFC 5861 §3). */
  readonly staleWhileRevalidateSeconds?: number | undefined;
  /** How long it may be used stale where asking fails (RFC 5861 §4). */
  readonly staleIfErrorSeconds?: number | undefined;
}

type Option = keyof CacheControlOptions;

/** In the order in which they are written. */
const DIRECTIVES: Readonly<Record<Option, string>> = {
  public: "public",
  private: "private",
  noCache: "no-cache",
  noStore: "no-store",
  noTransform: "no-transform",
  mustRevalidate: "must-revalidate",
  maxAgeSeconds: "max-age",
  sMaxageSeconds: "s-maxage",
  staleWhileRevalidateSeconds: "stale-while-revalidate",
  staleIfErrorSeconds: "stale-if-error",
  immutable: "immutable",
};

/** What caches take any longer duration for, in s (RFC 9111 §1.2.2). */
const MAX_SECONDS = 2 ** 31;

/** Of each pair, one says the opposite of the other. A duration of 0 contradicts nothing. */
const CONTRADICTIONS: readonly (readonly [Option, Option, why: string])[] = [
  ["public", "private", "give the one that is meant"],
  ["private", "sMaxageSeconds", "it is for caches that may not store it; maxAgeSeconds is for the user's own"],
  ["noStore", "public", "what is never stored needs no other directive"],
  ["noStore", "maxAgeSeconds", "what is never stored is never fresh; leave one out"],
  ["noStore", "sMaxageSeconds", "what is never stored is never fresh; leave one out"],
  ["noStore", "staleWhileRevalidateSeconds", "what is never stored is never stale; leave one out"],
  ["noStore", "staleIfErrorSeconds", "what is never stored is never stale; leave one out"],
  ["noStore", "immutable", "what is never stored is never reloaded; leave one out"],
  ["noCache", "staleWhileRevalidateSeconds", "with noCache it is asked about before each use; leave one out"],
  ["noCache", "staleIfErrorSeconds", "with noCache it is asked about before each use; leave one out"],
  ["noCache", "immutable", "with noCache it is asked about before each use; leave one out"],
  ["mustRevalidate", "staleWhileRevalidateSeconds", "with mustRevalidate it is never used stale; leave one out"],
  ["mustRevalidate", "staleIfErrorSeconds", "with mustRevalidate it is never used stale; leave one out"],
];

/**
 * A `Cache-Control` field for a response.
 *
 * @returns "" where nothing is asked for: then no field is sent
 * @throws SluiceTypeError `ERR_INVALID_OPTION` for an option that there is not, a flag that is no boolean, a duration that is
 *   no integer from 0 to 2^31, and options that contradict each other
 * @example formatCacheControl({ public: true, maxAgeSeconds: 31_536_000, immutable: true })
 * // public, max-age=31536000, immutable
 */
export function formatCacheControl(options: CacheControlOptions): string {
  if (typeof options !== "object" || options === null) {
    throw invalid(`Cache-Control's options are an object; got ${String(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DIRECTIVES, name)) {
      throw invalid(`Cache-Control's options are ${Object.keys(DIRECTIVES).join(", ")}; got ${JSON.stringify(name)}`);
    }
  }
  const written: string[] = [];
  for (const [name, directive] of Object.entries(DIRECTIVES) as [Option, string][]) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (name.endsWith("Seconds")) written.push(`${directive}=${checkSeconds(name, value)}`);
    else if (checkFlag(name, value)) written.push(directive);
  }
  for (const [one, other, why] of CONTRADICTIONS) {
    if (options[one] && options[other]) throw invalid(`${one} and ${other} contradict each other: ${why}`);
  }
  if (options.immutable && !options.maxAgeSeconds) {
    throw invalid("immutable needs a maxAgeSeconds above 0: it says that nothing changes for that long");
  }
  return written.join(", ");
}

function checkSeconds(name: Option, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_SECONDS) {
    throw invalid(`${name} is a number of seconds, an integer from 0 to ${MAX_SECONDS}; got ${String(value)}`);
  }
  return value;
}

function checkFlag(name: Option, value: unknown): boolean {
  if (typeof value !== "boolean") throw invalid(`${name} is true or false; got ${String(value)}`);
  return value;
}

function invalid(message: string): SluiceTypeError {
  return new SluiceTypeError("ERR_INVALID_OPTION", message);
}
