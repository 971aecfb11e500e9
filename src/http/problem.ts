import { HttpError } from "../errors.ts";
import type { HeadersInput } from "./headers.ts";

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  409: "Conflict",
  410: "Gone",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  507: "Insufficient Storage",
};

/**
 * An error as `application/problem+json` (RFC 9457).
 *
 * @param detail - shown to the client: no paths, no stack, nothing of the inside
 * @param members - what else is told, by name (RFC 9457 §3.2)
 */
export function problemResponse(
  status: number,
  detail?: string,
  headers: HeadersInput = {},
  members: Readonly<Record<string, unknown>> = {},
): Response {
  const fields = new Headers(headers);
  fields.set("Content-Type", "application/problem+json");
  fields.set("Cache-Control", "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  const body = {
    title: TITLES[status] ?? `Status ${status}`,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...members,
  };
  return new Response(`${JSON.stringify(body)}\n`, { status, headers: fields });
}

/** What a client is told of an error: an {@link HttpError} says it itself, of anything else nothing is told. */
export function errorResponse(error: unknown): Response {
  if (error instanceof HttpError) return problemResponse(error.status, error.detail, error.headers, error.members);
  return problemResponse(500);
}
