import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import mime from "mime";
import { Body } from "../core/body.ts";
import { bodyStream } from "../core/web-stream.ts";
import { HttpError } from "../errors.ts";
import { withCharset } from "../http/headers.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import { type ResponseOptions, resolveHeaders, resolveResponseOptions } from "../http/response-options.ts";
import { type Answer, answerRequest } from "../representation/answer.ts";
import { FilePuller, closeQuietly } from "./file-puller.ts";
import { type OpenFile, openFile } from "./open-file.ts";

export interface FileInit extends Omit<ResponseOptions, "status" | "commitAfterMs" | "leakReportMs"> {
  /**
   * `Content-Type`; text gets `charset=utf-8`.
   * @defaultValue what the file's extension stands for, or "application/octet-stream"
   */
  mediaType?: string;
}

/**
 * A file, or the part of it that is asked for (RFC 9110 §14), with validators to come back by: 200, 206, 304, 412, 416. The
 * file is opened once, and what was opened is what is described and sent; a file that is replaced meanwhile is sent as it
 * was.
 *
 * - There is none, or no regular file: 404. It may not be read: 403. Too many files are open: 503. All as `problem+json`;
 *   what becomes of a directory or a path from a URL is the caller's to decide.
 * - Never more bytes than `Content-Length` says; a file that becomes shorter meanwhile breaks the connection visibly
 *   (`ERR_FILE_CHANGED` reaches `onFinish`).
 * - The file is closed when the body has ended in whatever way, and at once where there is none. A Response that is neither
 *   sent nor cancelled closes it after 30 s.
 *
 * @returns only rejects with SluiceTypeError `ERR_INVALID_OPTION`, and with file system errors that have no status
 */
export async function fileResponse(request: Request, path: string | URL, init: FileInit = {}): Promise<Response> {
  const { stallTimeoutMs, compress, onFinish } = resolveResponseOptions(init);
  const { mediaType = mime.getType(nameOf(path)) ?? "application/octet-stream" } = init;
  const headers = resolveHeaders(init, { "Content-Type": withCharset(mediaType), "X-Content-Type-Options": "nosniff" });
  if (request.method !== "GET" && request.method !== "HEAD")
    return problemResponse(405, undefined, { Allow: "GET, HEAD" });
  let file: OpenFile;
  try {
    file = await openFile(path);
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error);
    throw error;
  }
  const { handle, completeLength } = file;
  let answer: Answer;
  try {
    answer = answerRequest(request, file, headers);
  } catch (error) {
    closeQuietly(handle);
    throw error;
  }
  if ("response" in answer || request.method === "HEAD") {
    await handle.close();
    // A response without a body has an outcome, too.
    new Body({ open: () => new FilePuller(handle, 0, 0), stallTimeoutMs, onFinish }).discard();
    return "response" in answer
      ? answer.response
      : new Response(null, { status: answer.status, headers: answer.headers });
  }
  const { first, last } = answer.range ?? { first: 0, last: completeLength - 1 };
  const stream = bodyStream({
    open: () => new FilePuller(handle, first, last + 1),
    discard: () => closeQuietly(handle),
    contentLength: last - first + 1,
    stallTimeoutMs,
    compress,
    onFinish,
  });
  return new Response(stream, { status: answer.status, headers: answer.headers });
}

function nameOf(path: string | URL): string {
  return basename(path instanceof URL ? fileURLToPath(path) : path);
}
