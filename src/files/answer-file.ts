import { Body } from "../core/body.ts";
import { bodyStream } from "../core/web-stream.ts";
import { type CacheControlOptions, formatCacheControl } from "../http/cache-control.ts";
import { setDigest } from "../http/digest.ts";
import { contentDisposition, isSafeInline } from "../http/disposition.ts";
import { varyWith, withCharset } from "../http/headers.ts";
import {
  type ResolvedResponseOptions,
  type ResponseOptions,
  optionError,
  resolveHeaders,
  resolveResponseOptions,
} from "../http/response-options.ts";
import { answerRequest } from "../representation/answer.ts";
import { FileBlocks } from "./file-blocks.ts";
import { hashFile, knownHash } from "./file-hashes.ts";
import { type EtagMode, describeFile, hasMeaningfulTime } from "./file-validators.ts";
import type { OpenEntry } from "./open-entry.ts";

/**
 * What browsers do with a file: show it, save it, or (`safe`) save what could run as a script of our origin and show the
 * rest. Always with `X-Content-Type-Options: nosniff`.
 */
export type Disposition = "inline" | "attachment" | "safe";

/** What every answer with a file may be told. */
export interface FileOptions extends Omit<ResponseOptions, "status" | "commitAfterMs" | "leakReportMs" | "filename"> {
  disposition?: Disposition;
  /**
   * `Cache-Control`.
   * @defaultValue noCache: stored, and asked about before each use, which costs a 304
   */
  cacheControl?: CacheControlOptions;
  /** @defaultValue "stat" */
  etag?: EtagMode;
  /**
   * `Repr-Digest` (RFC 9530 §3) on 200, 206 and HEAD. It is computed in the background, once for each state of a file, and
   * nobody waits for it: the first answers of a file may go without.
   * @defaultValue false
   */
  digests?: boolean;
}

/** A file that is open, and what it is called. */
export interface NamedFile {
  readonly entry: OpenEntry;
  readonly mediaType: string;
  /** For `Content-Disposition`. */
  readonly filename?: string | undefined;
  /** The coding that its bytes are in, chosen for this request. */
  readonly coding?: string | undefined;
  /** Other requests may get other bytes. */
  readonly negotiated?: boolean | undefined;
}

const DISPOSITIONS: readonly unknown[] = ["inline", "attachment", "safe", undefined];
const ETAG_MODES: readonly unknown[] = ["stat", "stat-portable", "sha256"] satisfies EtagMode[];

/** File options with their defaults, checked once for all answers of a handler. */
export interface ResolvedFileOptions extends Pick<ResolvedResponseOptions, "stallTimeoutMs" | "compress" | "onFinish"> {
  readonly headers: ResponseOptions["headers"];
  readonly disposition: Disposition | undefined;
  /** The field; "" for none. */
  readonly cacheControl: string;
  readonly etag: EtagMode;
  readonly digests: boolean;
}

/** @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveFileOptions(options: FileOptions): ResolvedFileOptions {
  const { headers, disposition, etag = "stat", cacheControl = { noCache: true }, digests = false } = options;
  const { stallTimeoutMs, compress, onFinish } = resolveResponseOptions(options);
  if (!DISPOSITIONS.includes(disposition))
    throw optionError("disposition", '"inline", "attachment" or "safe"', disposition);
  if (!ETAG_MODES.includes(etag)) throw optionError("etag", '"stat", "stat-portable" or "sha256"', etag);
  return {
    headers,
    disposition,
    cacheControl: formatCacheControl(cacheControl),
    etag,
    digests,
    stallTimeoutMs,
    compress,
    onFinish,
  };
}

/** Answers with an open file, or the part of it that is asked for. Closes it in whatever way it ends. */
export async function answerFile(request: Request, file: NamedFile, options: ResolvedFileOptions): Promise<Response> {
  const { entry, coding } = file;
  try {
    const { etag, digests, stallTimeoutMs, compress, onFinish } = options;
    const hash = hashFor(file, etag, digests);
    const sha256 = hash instanceof Promise ? await hash : hash;
    const headers = fieldsOf(file, options);
    if (digests && sha256) setDigest(request, headers, sha256);
    const representation = describeFile(entry.stats, Date.now(), etag, sha256, coding);
    const answer = answerRequest(request, representation, headers);
    if ("response" in answer) return endWithoutBody(entry, options, answer.response);
    const { status, parts, contentLength } = answer;
    if (request.method === "HEAD") return endWithoutBody(entry, options, new Response(null, { status, headers }));
    const stream = bodyStream({
      open: () => new FileBlocks(entry, parts),
      discard: () => entry.close(),
      contentLength,
      stallTimeoutMs,
      compress: coding === undefined ? compress : false,
      onFinish,
    });
    return new Response(stream, { status, headers });
  } catch (error) {
    entry.close();
    throw error;
  }
}

function fieldsOf(file: NamedFile, options: ResolvedFileOptions): Headers {
  const { mediaType, coding, negotiated } = file;
  const fields: Record<string, string> = {
    "Content-Type": withCharset(mediaType),
    "X-Content-Type-Options": "nosniff",
  };
  if (options.cacheControl !== "") fields["Cache-Control"] = options.cacheControl;
  const disposition = dispositionOf(file, options);
  if (disposition) fields["Content-Disposition"] = disposition;
  if (coding !== undefined) fields["Content-Encoding"] = coding;
  const headers = resolveHeaders(options.headers ? { headers: options.headers } : {}, fields);
  // RFC 9110 §12.5.5: also where this client gets the bytes as they are, for the caches between.
  if (negotiated) headers.set("Vary", varyWith(headers.get("Vary") ?? undefined, "Accept-Encoding"));
  return headers;
}

function dispositionOf({ mediaType, filename }: NamedFile, { disposition }: ResolvedFileOptions): string | undefined {
  if (disposition === undefined) return filename === undefined ? undefined : contentDisposition(filename);
  const type = disposition === "safe" ? (isSafeInline(mediaType) ? "inline" : "attachment") : disposition;
  return filename === undefined ? type : contentDisposition(filename, type);
}

/** The hash of the file as far as its answer needs it; only a tag that is made of it is worth waiting for. */
function hashFor(
  { entry }: NamedFile,
  etag: EtagMode,
  digests: boolean,
): Promise<Uint8Array | undefined> | Uint8Array | undefined {
  const { stats, path } = entry;
  if (etag === "sha256") return hashFile(path, stats);
  if (!digests && hasMeaningfulTime(stats)) return undefined;
  const hash = knownHash(stats);
  if (!hash) void hashFile(path, stats);
  return hash;
}

/** A response without a body has an outcome, too. */
export function endWithoutBody(entry: OpenEntry, { onFinish }: ResolvedFileOptions, response: Response): Response {
  entry.close();
  new Body({ open: () => new FileBlocks(entry, []), stallTimeoutMs: 0, onFinish }).discard();
  return response;
}
