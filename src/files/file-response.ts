import { fileURLToPath } from "node:url";
import { HttpError } from "../errors.ts";
import { errorResponse } from "../http/problem.ts";
import { type FileOptions, answerFile, resolveFileOptions } from "./answer-file.ts";
import { type FollowOptions, followFile } from "./follow-file.ts";
import { mediaTypeOf } from "./media-type.ts";
import { answerOtherMethod } from "./methods.ts";
import { type OpenEntry, openFile } from "./open-entry.ts";

export interface FileInit extends FileOptions {
  /**
   * `Content-Type`; text gets `charset=utf-8`.
   * @defaultValue what the file's extension stands for, or "application/octet-stream"
   */
  mediaType?: string;
  /** The name that browsers save the file under (`Content-Disposition`); without a `disposition` it makes them save it. */
  filename?: string;
  /**
   * Follows the file while it grows: sends what there is, and what is appended, until its writer has finished.
   * @defaultValue undefined: what there is
   */
  follow?: FollowOptions;
}

/**
 * A file, or the parts of it that are asked for (RFC 9110 §14), with validators to come back by: 200, 206, 304, 412, 416. The
 * file is opened once, and what was opened is what is described and sent; a file that is replaced meanwhile is sent as it
 * was.
 *
 * - There is none, or no regular file: 404. It may not be read: 403. Too many files are open: 503. Neither GET nor HEAD: 405,
 *   and 204 to OPTIONS. All as `problem+json`; what becomes of a directory or a path from a URL is the caller's to decide
 *   (see {@link directory}).
 * - Never more bytes than `Content-Length` says; a file that becomes shorter or is written over meanwhile breaks the
 *   connection visibly (`ERR_FILE_CHANGED` reaches `onFinish`). One that has only grown does not.
 * - One that is followed ends visibly broken when it becomes shorter, is removed, or another takes its path (a log that is rotated).
 * - The file is closed when the body has ended in whatever way, and at once where there is none. A Response that is neither
 *   sent nor cancelled closes it after 30 s.
 *
 * @returns only rejects with SluiceTypeError `ERR_INVALID_OPTION`, and with file system errors that have no status
 */
export async function fileResponse(request: Request, path: string | URL, init: FileInit = {}): Promise<Response> {
  const options = resolveFileOptions(init);
  const other = answerOtherMethod(request);
  if (other) return other;
  const localPath = path instanceof URL ? fileURLToPath(path) : path;
  const { mediaType = mediaTypeOf(localPath), filename } = init;
  let entry: OpenEntry;
  try {
    entry = await openFile(localPath);
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error);
    throw error;
  }
  if (!init.follow) return answerFile(request, { entry, mediaType, filename }, options);
  try {
    return await followFile(request, entry, init.follow, mediaType, options);
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error);
    throw error;
  }
}
