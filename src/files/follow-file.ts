import { Body } from "../core/body.ts";
import { bodyStream } from "../core/web-stream.ts";
import { HttpError } from "../errors.ts";
import { withCharset } from "../http/headers.ts";
import { resolveHeaders } from "../http/response-options.ts";
import { answerGrowing } from "../representation/answer-growing.ts";
import { GrowingBlocks } from "../representation/growing-blocks.ts";
import { PartBlocks } from "../representation/part-blocks.ts";
import type { ResolvedFileOptions } from "./answer-file.ts";
import { type FollowUntil, FollowedFile } from "./followed-file.ts";
import type { OpenEntry } from "./open-entry.ts";

export interface FollowOptions {
  /**
   * When it has its end: a function that says whether its writer has finished, asked again after each change and once a second;
   * the path of a file that is there when he has; or a body of a spool, whose end it shares, as the log of a run does. Those who
   * give the same one share their looking.
   * @defaultValue never: it is followed until its reader leaves
   */
  until?: FollowUntil;
}

/** How long the head waits for a byte behind what is there, in ms. */
const COMMIT_AFTER_MS = 100;

/**
 * Answers with a file that is being appended to: what there is, and what still comes. Ranges are those of what grows (see
 * `answerGrowing`). The entry is closed.
 */
export async function followFile(
  request: Request,
  entry: OpenEntry,
  { until }: FollowOptions,
  mediaType: string,
  options: ResolvedFileOptions,
): Promise<Response> {
  const { stallTimeoutMs, onFinish } = options;
  const headers = resolveHeaders(options.headers ? { headers: options.headers } : {}, {
    "Content-Type": withCharset(mediaType),
    // It is another one in a moment.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
  });
  if (request.method === "HEAD") {
    entry.close();
    headers.set("Accept-Ranges", "bytes");
    new Body({ open: () => ({ pull: () => undefined, cancel() {} }), stallTimeoutMs, onFinish }).discard();
    return new Response(null, { headers });
  }
  let file: FollowedFile;
  try {
    file = FollowedFile.retain(entry, until);
  } catch (error) {
    throw new HttpError(503, "The file cannot be followed now", { cause: error, headers: { "Retry-After": "1" } });
  } finally {
    entry.close();
  }
  const release = (): void => file.release();
  let isLent = false;
  try {
    const answer = await answerGrowing(request, file, {}, headers, COMMIT_AFTER_MS);
    if ("response" in answer) return answer.response;
    isLent = true;
    const stream = bodyStream({
      open: () =>
        "range" in answer
          ? new PartBlocks(
              [answer.range],
              (buffer, length, position) => file.read(buffer.subarray(0, length), position),
              release,
            )
          : new GrowingBlocks(file, "first" in answer ? answer.first : 0, release),
      discard: release,
      contentLength: "range" in answer ? answer.range.last - answer.range.first + 1 : undefined,
      commitAfterMs: COMMIT_AFTER_MS,
      stallTimeoutMs,
      compress: false,
      noDelay: true,
      onFinish,
    });
    const status = "status" in answer ? answer.status : 200;
    return new Response(stream, { status, headers });
  } finally {
    if (!isLent) release();
  }
}
