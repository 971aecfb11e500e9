import { extname } from "node:path";
import mime from "mime";

const UNKNOWN = "application/octet-stream";

/**
 * By the extension alone: looking into files for their type is how browsers were tricked.
 *
 * @param own - types by extension, without its dot: they win
 */
export function mediaTypeOf(path: string, own: Readonly<Record<string, string>> = {}): string {
  const extension = extname(path).slice(1).toLowerCase();
  return (Object.hasOwn(own, extension) ? own[extension] : undefined) ?? mime.getType(extension) ?? UNKNOWN;
}
