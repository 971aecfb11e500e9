import { type Dirent, existsSync } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { bodyStream } from "../core/web-stream.ts";
import { openSource } from "../core/source.ts";
import { captureOrigin, resolveResponseOptions } from "../http/response-options.ts";
import { type ResolvedFileOptions, endWithoutBody } from "./answer-file.ts";
import { isWithin, nameOfDescriptor } from "./containment.ts";
import type { OpenEntry } from "./open-entry.ts";

/** Entries that are looked at together: each is a few threads' work at most. */
const BATCH = 32;
/** What a path cannot have: nothing is listed that cannot be fetched. U+FFFD stands for what is no UTF-8. */
const UNREACHABLE = /[\\\p{Cc}\uFFFD]/u;

export interface ListedEntry {
  readonly name: string;
  readonly type: "file" | "folder";
  /** Relative to the folder. */
  readonly href: string;
  /** Bytes, of a file. */
  readonly size?: number;
  /** The time of its last change, as ISO 8601. */
  readonly modified: string;
}

export interface ListingOptions extends ResolvedFileOptions {
  /** The real path of where symbolic links may lead; undefined: anywhere. */
  readonly root: string | undefined;
  /** Whether an entry of this name is shown. */
  isVisible(this: void, name: string): boolean;
}

/**
 * A folder's files and folders as a JSON array, one entry a line, in the order that the file system has them in: it is made
 * while it is sent, in constant memory.
 *
 * @param entry - the folder, open; closed in whatever way this ends
 */
export function listingResponse(request: Request, entry: OpenEntry, options: ListingOptions): Response {
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "none",
  };
  if (request.method === "HEAD") return endWithoutBody(entry, options, new Response(null, { headers }));
  const { leakReportMs } = resolveResponseOptions({});
  const origin = captureOrigin(listingResponse);
  const stream = bodyStream({
    open({ signal }) {
      signal.addEventListener("abort", () => entry.close());
      return openSource(listLines(entry, options), (line) => line, { origin, leakReportMs });
    },
    discard: () => entry.close(),
    stallTimeoutMs: options.stallTimeoutMs,
    compress: options.compress,
    onFinish: options.onFinish,
  });
  return new Response(stream, { headers });
}

async function* listLines(entry: OpenEntry, options: ListingOptions): AsyncGenerator<string> {
  // By its path the folder might be another one by now.
  const name = nameOfDescriptor(entry.descriptor);
  const folder = existsSync(name) ? name : entry.path;
  try {
    yield* listFolder(folder, options);
  } finally {
    entry.close();
  }
}

async function* listFolder(folder: string, options: ListingOptions): AsyncGenerator<string> {
  let before = "[\n";
  let batch: Dirent[] = [];
  const describeBatch = async (): Promise<string> => {
    const entries = await Promise.all(batch.map((entry) => describeEntry(folder, entry, options.root)));
    batch = [];
    let lines = "";
    for (const entry of entries) {
      if (!entry) continue;
      lines += before + JSON.stringify(entry);
      before = ",\n";
    }
    return lines;
  };
  for await (const entry of await opendir(folder)) {
    if (!options.isVisible(entry.name) || UNREACHABLE.test(entry.name)) continue;
    if (batch.push(entry) < BATCH) continue;
    yield await describeBatch();
  }
  yield await describeBatch();
  yield before === "[\n" ? "[]\n" : "\n]\n";
}

/** Undefined for what is neither file nor folder, is gone by now, or leads out of `root`. */
async function describeEntry(
  folder: string,
  entry: Dirent,
  root: string | undefined,
): Promise<ListedEntry | undefined> {
  const path = join(folder, entry.name);
  try {
    if (entry.isSymbolicLink() && root !== undefined && !isWithin(await realpath(path), root)) return undefined;
    const stats = await stat(path);
    const modified = stats.mtime.toISOString();
    const href = `./${encodeURIComponent(entry.name)}`;
    if (stats.isFile()) return { name: entry.name, type: "file", href, size: stats.size, modified };
    return stats.isDirectory() ? { name: entry.name, type: "folder", href: `${href}/`, modified } : undefined;
  } catch {
    return undefined;
  }
}
