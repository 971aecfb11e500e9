import { HttpError } from "../errors.ts";

/**
 * The path of a request, decoded once. Whoever decides by it and whoever opens a file by it see the same, as there is only
 * one way to write each path but for percent signs.
 */
export interface RequestPath {
  /** Each has a character, is not `.` or `..`, and has no `/`, `\` or control character. It may have a `%`. */
  readonly segments: readonly string[];
  /** It ends in `/`. So does the root, which has no segments. */
  readonly isFolder: boolean;
}

const HTTP_ORIGIN = /^https?:\/\/([^/\\?#]*)/i;
const CONTROL = /\p{Cc}/u;

/**
 * The path of a request's URL (RFC 3986 §3.3). What is not written plainly is refused, never repaired: a repaired path is
 * one that a guard in front of us read differently.
 *
 * @param url - as it came, normalised or not: absolute, or the path onwards
 * @throws HttpError 400 for an empty segment (`//`), `.` and `..`, a slash, backslash or control character, written
 *   plainly or as `%2F`, `%5C`, `%00`, a percent sign without two digits, and what is no UTF-8
 */
export function parseRequestPath(url: string): RequestPath {
  const path = rawPathOf(url);
  if (path === "" || path === "/") return { segments: [], isFolder: true };
  const isFolder = path.endsWith("/");
  const segments = path.slice(1, isFolder ? -1 : undefined).split("/");
  return { segments: segments.map(decodeSegment), isFolder };
}

/**
 * The path below `prefix`, whose segments are compared as they are after decoding: `/private.txt` is not below `/p`. The
 * prefix itself becomes the root, which is a folder only where it was asked for as one.
 *
 * @returns undefined where it does not lie below
 */
export function stripPrefix(path: RequestPath, prefix: readonly string[]): RequestPath | undefined {
  const { segments, isFolder } = path;
  if (!prefix.every((segment, index) => segments[index] === segment)) return undefined;
  return { segments: segments.slice(prefix.length), isFolder };
}

/**
 * From the authority to the query or fragment, as it is written. `new URL` would resolve dots, turn backslashes and leave
 * out tabs and line ends.
 */
function rawPathOf(url: string): string {
  const beforeQuery = url.slice(0, endOfPath(url));
  // Raw spaces, too: parsers cut them off at the ends, and no request line can hold one.
  if (CONTROL.test(beforeQuery) || beforeQuery.includes(" ")) {
    throw new HttpError(400, "The path has a space or a control character that is not percent-encoded");
  }
  if (beforeQuery.includes("\\")) throw new HttpError(400, "The path has a backslash");
  if (!beforeQuery.isWellFormed()) throw new HttpError(400, "The path is not well-formed Unicode");
  if (beforeQuery.startsWith("/")) return beforeQuery;
  const origin = HTTP_ORIGIN.exec(beforeQuery);
  // Without a host, parsers take the path's first segment for one.
  if (!origin?.[1]) throw new HttpError(400, "The URL has to be http or https, with a host");
  return beforeQuery.slice(origin[0].length);
}

function endOfPath(url: string): number {
  const end = url.search(/[?#]/u);
  return end < 0 ? url.length : end;
}

function decodeSegment(raw: string): string {
  if (raw === "") throw new HttpError(400, "The path has an empty segment (two slashes in a row)");
  const segment = raw.includes("%") ? decodePercent(raw) : raw;
  if (segment === "." || segment === "..") throw new HttpError(400, "The path has a segment of dots (. or ..)");
  if (segment.includes("/")) throw new HttpError(400, "A segment of the path has an encoded slash (%2F)");
  if (segment.includes("\\")) throw new HttpError(400, "A segment of the path has an encoded backslash (%5C)");
  if (CONTROL.test(segment)) throw new HttpError(400, "A segment of the path has an encoded control character");
  return segment;
}

/** Once: `%252F` is a file that is called `%2F`. */
function decodePercent(raw: string): string {
  if (/%(?![\da-f]{2})/iu.test(raw)) {
    throw new HttpError(400, "The path has a percent sign that two hexadecimal digits do not follow");
  }
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new HttpError(400, "The path is not UTF-8 where it is percent-encoded", { cause });
  }
}
