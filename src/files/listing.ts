import type { Dirent } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { bodyStream } from "../core/web-stream.ts";
import { openSource } from "../core/source.ts";
import { captureOrigin, resolveResponseOptions } from "../http/response-options.ts";
import type { FileOptions } from "./answer-file.ts";
import { isWithin } from "./containment.ts";

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

/** The real path of the folder is asked for anew with each listing. */
export interface ListingOptions extends Pick<FileOptions, "stallTimeoutMs" | "onFinish" | "compress"> {
  /** Where symbolic links may lead; undefined: anywhere. */
  readonly root: string | undefined;
  /** Whether an entry of this name is shown. */
  isVisible(this: void, name: string): boolean;
}

/**
 * A folder's files and folders as a JSON array, one entry a line, in the order that the file system has them in: it is made
 * while it is sent, in constant memory.
 */
export function listingResponse(request: Request, folder: string, options: ListingOptions): Response {
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "none",
  };
  if (request.method === "HEAD") return new Response(null, { headers });
  const { stallTimeoutMs, compress, onFinish, commitAfterMs, leakReportMs } = resolveResponseOptions({
    ...options,
    commitAfterMs: Infinity,
  });
  const origin = captureOrigin(listingResponse);
  const stream = bodyStream({
    open: ({ signal }) => openSource(listLines(folder, options, signal), (line) => line, { origin, leakReportMs }),
    commitAfterMs,
    stallTimeoutMs,
    compress,
    onFinish,
  });
  return new Response(stream, { headers });
}

async function* listLines(folder: string, options: ListingOptions, signal: AbortSignal): AsyncGenerator<string> {
  const root = options.root === undefined ? undefined : await realpath(options.root);
  let before = "[\n";
  let batch: Dirent[] = [];
  const describeBatch = async (): Promise<string> => {
    const entries = await Promise.all(batch.map((entry) => describeEntry(folder, entry, root)));
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
    signal.throwIfAborted();
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
