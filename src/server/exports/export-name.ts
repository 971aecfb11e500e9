import type { RowFormatName } from "../../rows/row-format.ts";
import { formatOfPath } from "../../rows/choose-format.ts";

/** Where tables and named queries are exported. */
const EXPORT_PREFIX = "/export/";

const TARGET = /^(?:[A-Za-z]+:\/\/[^/\\?#]*)?\/export\/([^/\\?#]+)(?:[?#]|$)/u;

/**
 * The name in the target of a request for an export: the one segment behind `/export/`, decoded once. Unlike a path it may
 * have slashes, written `%2F`: a table may be called anything.
 *
 * @returns undefined where the target is no such, and where a parser of URLs would make another of it (`.`, `..`)
 */
export function exportNameOf(target: string): string | undefined {
  const raw = TARGET.exec(target)?.[1];
  if (raw === undefined) return undefined;
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  return name === "." || name === ".." || name.includes("\0") ? undefined : name;
}

/** The target of an export. */
export function exportTarget(name: string, extension: string): string {
  return `${EXPORT_PREFIX}${encodeURIComponent(name)}.${extension}`;
}

export interface Reading {
  readonly name: string;
  /** What the name's extension says. */
  readonly format: RowFormatName | undefined;
}

/**
 * What a name may mean, the likelier first: the last extension of a format is cut off, but where `?format=` is there too, it
 * may belong to the name. So a table `orders.csv` is `/export/orders.csv.csv`, or `/export/orders.csv?format=csv`.
 */
export function readingsOf(name: string, hasFormat: boolean): readonly Reading[] {
  const format = formatOfPath(name);
  const whole: Reading = { name, format: undefined };
  if (format === undefined) return [whole];
  const cut: Reading = { name: name.slice(0, name.lastIndexOf(".")), format };
  return hasFormat ? [whole, cut] : [cut, whole];
}
