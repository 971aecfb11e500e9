import { bodyStream } from "../core/web-stream.ts";
import { evaluatePreconditions } from "../http/preconditions.ts";
import type { Page, StreamInfo } from "../logs/event-log.ts";
import { jsonArrayOf } from "./json-array.ts";
import { formatOffset } from "./offset.ts";
import { PageBody } from "./page-body.ts";
import { pageLimits } from "./page-limits.ts";
import { type Begin, isAtEnd, readInfo, readPage } from "./read-stream.ts";
import { FIELDS } from "./stream-fields.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";
import { isJson } from "./stream-type.ts";

/** A page whose messages are followed by others: it never changes. */
const FULL_PAGE = "max-age=60, stale-while-revalidate=300";

/** GET: a page of what is there. */
export async function answerPage(
  request: Request,
  name: string,
  begin: Begin,
  options: ResolvedStreamsOptions,
): Promise<Response> {
  const page = await readPage(name, begin, options, pageLimits(options.maxPageBytes));
  const { info } = page;
  const headers = pageFields(page);
  const etag = tagOf(page);
  headers.set("ETag", etag);
  // The first that is kept is another one when more has been trimmed.
  const isLasting = !isAtEnd(page) && (begin !== "first" || page.from === 0);
  headers.set("Cache-Control", cacheControl(info, isLasting ? FULL_PAGE : "no-cache"));
  // At the same address there are events for who accepts them.
  headers.set("Vary", "Accept");
  const result = evaluatePreconditions("GET", new Headers(pick(request.headers, "If-None-Match")), { etag });
  if (result === 304) {
    headers.delete("Content-Type");
    return new Response(null, { status: 304, headers });
  }
  return pageResponse(page, headers, options);
}

/** GET `offset=now`: where the end is. */
export async function answerEnd(name: string, options: ResolvedStreamsOptions): Promise<Response> {
  const info = await readInfo(name, options, true);
  const page: Page = { info, messages: [], from: info.next, next: info.next };
  const headers = pageFields(page);
  headers.set("Cache-Control", "no-store");
  return pageResponse(page, headers, options);
}

/** Other preconditions would be for writing. */
function pick(headers: Headers, name: string): Record<string, string> {
  const value = headers.get(name);
  return value === null ? {} : { [name]: value };
}

/** What an answer says of a page. */
export function pageFields(page: Page): Headers {
  const { info, next } = page;
  const headers = new Headers({ "Content-Type": info.config.contentType, [FIELDS.nextOffset]: formatOffset(next) });
  if (!isAtEnd(page)) return headers;
  headers.set(FIELDS.upToDate, "true");
  if (info.closed) headers.set(FIELDS.closed, "true");
  if (info.failure !== undefined) headers.set(FIELDS.failed, info.failure);
  return headers;
}

/** A page's tag. It changes when the stream is closed: that is told with the last bytes. */
export function tagOf(page: Page): string {
  const { info, from, next } = page;
  return `"${info.generation}:${from}:${next}${isAtEnd(page) && info.closed ? ":c" : ""}"`;
}

export function cacheControl({ config }: StreamInfo, rules: string): string {
  return `${config.isPublic ? "public" : "private"}, ${rules}`;
}

/**
 * A page's messages; as one array, where they are JSON.
 *
 * @param headers - belong to the answer from then on
 */
export function pageResponse(page: Page, headers: Headers, { stallTimeoutMs }: ResolvedStreamsOptions): Response {
  const { info, messages } = page;
  const parts = isJson(info.config.contentType) ? jsonArrayOf(messages) : messages;
  const contentLength = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  headers.set("Content-Length", String(contentLength));
  if (contentLength === 0) return new Response("", { headers });
  return new Response(bodyStream({ open: () => new PageBody(parts), contentLength, stallTimeoutMs }), { headers });
}
