import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HttpError } from "../errors.ts";
import { type CacheControlOptions, formatCacheControl } from "../http/cache-control.ts";
import { isCompressible } from "../http/headers.ts";
import { errorResponse } from "../http/problem.ts";
import { type RequestPath, parseRequestPath, stripPrefix } from "../http/request-path.ts";
import { requestTargetOf } from "../http/request-target.ts";
import { optionError } from "../http/response-options.ts";
import {
  type Disposition,
  type FileOptions,
  type ResolvedFileOptions,
  answerFile,
  resolveFileOptions,
} from "./answer-file.ts";
import { Root } from "./containment.ts";
import { followFile } from "./follow-file.ts";
import { listingResponse } from "./listing.ts";
import { mediaTypeOf } from "./media-type.ts";
import { answerOtherMethod } from "./methods.ts";
import type { OpenEntry } from "./open-entry.ts";
import { openSidecar } from "./sidecars.ts";

export interface DirectoryOptions extends Omit<FileOptions, "cacheControl" | "disposition"> {
  /**
   * The path that the folder stands for in URLs.
   * @defaultValue "/"
   */
  prefix?: string;
  /**
   * As of a file; or a function of the path below the folder, decoded: `(path) => path[0] === "assets" ? … : …`.
   * @defaultValue noCache
   */
  cacheControl?: CacheControlOptions | ((path: readonly string[]) => CacheControlOptions);
  /**
   * What browsers do with files. The page of a folder (`index`) is always shown.
   * @defaultValue "safe"
   */
  disposition?: Disposition;
  /**
   * The file that answers for its folder; false for none.
   * @defaultValue "index.html"
   */
  index?: string | false;
  /**
   * Whether a folder without `index` is answered with its entries, as JSON.
   * @defaultValue false
   */
  listing?: boolean;
  /**
   * Whether text is sent as `<name>.zst`, `.br` or `.gz` where such a file lies beside it, is no older, and the request
   * accepts it.
   * @defaultValue true
   */
  sidecars?: boolean;
  /**
   * Whether names that begin with a dot are served. `/.well-known/` is in any case (RFC 8615).
   * @defaultValue false
   */
  dotfiles?: boolean;
  /**
   * Whether symbolic links may lead out of the folder.
   * @defaultValue false
   */
  outsideSymlinks?: boolean;
  /**
   * Whether a file is followed while it grows, for a request with `?follow=1`: until its reader leaves.
   * @defaultValue false
   */
  follow?: boolean;
  /** Media types by extension, without its dot: they win over the known ones. */
  mediaTypes?: Readonly<Record<string, string>>;
  /**
   * The status for what the process may not read: 404 does not tell that it is there.
   * @defaultValue 403
   */
  forbiddenAs?: 403 | 404;
  /**
   * Asked before a file is opened, with the path below the folder exactly as it will be opened: decoded once, without
   * empty segments, dots or slashes. A Response it returns is the answer; an `HttpError` it throws, too.
   */
  guard?(this: void, path: readonly string[], request: Request): Response | void | Promise<Response | void>;
}

type Handler = (request: Request) => Promise<Response>;

/**
 * A handler that answers with the files of a folder: whole, in part, or not at all (see {@link fileResponse} for how).
 *
 * A path is read once and never repaired: empty segments, dots, encoded slashes, backslashes, control characters and
 * malformed percent signs are 400. What lies outside, also by a symbolic link, what begins with a dot, and what is neither
 * file nor folder is 404. A folder without a slash behind is redirected to itself with one.
 *
 * @param root - the folder; a symbolic link may be set to another one while this runs
 * @throws SluiceTypeError `ERR_INVALID_OPTION`
 */
export function directory(root: string | URL, options: DirectoryOptions = {}): Handler {
  const folder = new Folder(root, options);
  return async (request) => {
    try {
      return answerOtherMethod(request) ?? (await folder.answer(request));
    } catch (error) {
      if (error instanceof HttpError) return errorResponse(folder.disguise(error));
      throw error;
    }
  };
}

class Folder {
  readonly #root: Root;
  readonly #options: DirectoryOptions;
  readonly #fileOptions: ResolvedFileOptions;
  readonly #prefix: readonly string[];

  constructor(root: string | URL, options: DirectoryOptions) {
    const path = resolve(root instanceof URL ? fileURLToPath(root) : root);
    checkOptions(path, options);
    this.#root = new Root(path, options.outsideSymlinks === true);
    this.#options = options;
    this.#prefix = parsePrefix(options.prefix ?? "/");
    const { cacheControl, disposition = "safe", ...others } = options;
    const fixed = typeof cacheControl === "function" || !cacheControl ? {} : { cacheControl };
    this.#fileOptions = resolveFileOptions({ ...others, ...fixed, disposition });
  }

  async answer(request: Request): Promise<Response> {
    const whole = parseRequestPath(requestTargetOf(request));
    const path = stripPrefix(whole, this.#prefix);
    if (!path || !path.segments.every((name, index) => this.#isVisible(name, index === 0))) throw new HttpError(404);
    const refused = await this.#options.guard?.(path.segments, request);
    if (refused) return refused;
    const options = this.#optionsFor(path);
    const root = await this.#root.resolve();
    const localPath = join(root, ...path.segments);
    if (path.isFolder) return this.#answerFolder(request, path, root, localPath, options);
    const entry = await this.#root.open(root, localPath);
    if (entry.stats.isFile()) {
      return this.#answerFile(request, root, entry, options, path.segments.at(-1));
    }
    entry.close();
    if (entry.stats.isDirectory()) return redirectToFolder(request, whole);
    throw new HttpError(404);
  }

  /** What the client is told of an error. */
  disguise(error: HttpError): HttpError {
    return error.status === 403 && this.#options.forbiddenAs === 404 ? new HttpError(404) : error;
  }

  #optionsFor({ segments }: RequestPath): ResolvedFileOptions {
    const { cacheControl } = this.#options;
    if (typeof cacheControl !== "function") return this.#fileOptions;
    return { ...this.#fileOptions, cacheControl: formatCacheControl(cacheControl(segments)) };
  }

  /**
   * @param root - the folder's own path for this request
   * @param filename - for saving; undefined for the page of a folder
   */
  async #answerFile(
    request: Request,
    root: string,
    entry: OpenEntry,
    options: ResolvedFileOptions,
    filename: string | undefined,
  ): Promise<Response> {
    const { sidecars = true, mediaTypes } = this.#options;
    const mediaType = mediaTypeOf(entry.path, mediaTypes);
    if (this.#options.follow && filename !== undefined && isFollow(request)) {
      return followFile(request, entry, {}, mediaType, options);
    }
    const negotiated = sidecars && isCompressible(mediaType);
    const named = { mediaType, filename, negotiated };
    const open = (path: string): Promise<OpenEntry> => this.#root.open(root, path);
    const sidecar = negotiated ? await openSidecar(entry, request, open) : undefined;
    if (!sidecar) return answerFile(request, { ...named, entry }, options);
    entry.close();
    return answerFile(request, { ...named, ...sidecar }, options);
  }

  async #answerFolder(
    request: Request,
    path: RequestPath,
    root: string,
    localPath: string,
    options: ResolvedFileOptions,
  ): Promise<Response> {
    const { index = "index.html", listing = false, outsideSymlinks = false } = this.#options;
    if (index !== false) {
      const page = await this.#root.open(root, join(localPath, index)).catch(unlessMissing);
      if (page?.stats.isFile()) {
        const shown = { ...options, disposition: "inline" as const };
        return this.#answerFile(request, root, page, shown, undefined);
      }
      page?.close();
    }
    if (!listing) throw new HttpError(404);
    const entry = await this.#root.open(root, localPath);
    if (entry.stats.isDirectory()) {
      return listingResponse(request, entry, {
        ...options,
        root: outsideSymlinks ? undefined : root,
        isVisible: (name) => this.#isVisible(name, path.segments.length === 0),
      });
    }
    entry.close();
    throw new HttpError(404);
  }

  #isVisible(name: string, isFirst: boolean): boolean {
    return this.#options.dotfiles === true || !name.startsWith(".") || (isFirst && name === ".well-known");
  }
}

function isFollow({ url }: Request): boolean {
  return url.includes("follow=") && new URL(url).searchParams.get("follow") === "1";
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof HttpError && error.status === 404) return undefined;
  throw error;
}

/** Relative, so that nobody can make another host of it, and whoever is mounted below a path needs not know it. */
function redirectToFolder(request: Request, { segments }: RequestPath): Response {
  const query = /\?[^#]*/u.exec(request.url)?.[0] ?? "";
  const location = `./${encodeURIComponent(segments.at(-1)!)}/${query}`;
  return new Response(null, {
    status: 301,
    headers: { Location: location, "Content-Length": "0", "Cache-Control": "no-cache" },
  });
}

function parsePrefix(prefix: string): readonly string[] {
  if (!prefix.startsWith("/")) throw optionError("prefix", 'a path that begins with "/"', prefix);
  try {
    return parseRequestPath(prefix).segments;
  } catch (error) {
    throw optionError("prefix", `a path in its plain form (${(error as Error).message})`, prefix);
  }
}

function checkOptions(root: string, options: DirectoryOptions): void {
  const { index, forbiddenAs, guard } = options;
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw optionError("root", "a folder that is there", root);
  if (index !== undefined && index !== false && (index === "" || /[/\\\p{Cc}]/u.test(index))) {
    throw optionError("index", "the name of a file, or false", index);
  }
  if (forbiddenAs !== undefined && forbiddenAs !== 403 && forbiddenAs !== 404) {
    throw optionError("forbiddenAs", "403 or 404", forbiddenAs);
  }
  if (guard !== undefined && typeof guard !== "function") throw optionError("guard", "a function", guard);
}
