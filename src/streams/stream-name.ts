import { HttpError } from "../errors.ts";

/**
 * The name of the stream that a path stands for: all that comes behind the prefix, decoded, slashes and all.
 *
 * @returns undefined for a path that has none
 * @throws HttpError 400 for what is no percent-encoded UTF-8
 */
export function nameOf(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix) || path.length === prefix.length) return undefined;
  try {
    return decodeURIComponent(path.slice(prefix.length));
  } catch (error) {
    throw new HttpError(400, "A stream's name is UTF-8, percent-encoded", { cause: error });
  }
}
