import { FIELDS } from "./stream-fields.ts";

const REQUEST_FIELDS = [
  "Content-Type",
  "Authorization",
  "If-None-Match",
  "Last-Event-ID",
  FIELDS.seq,
  FIELDS.ttl,
  FIELDS.expiresAt,
  FIELDS.closed,
  FIELDS.failed,
  FIELDS.isPublic,
  FIELDS.forkedFrom,
  FIELDS.forkOffset,
  FIELDS.forkSubOffset,
  FIELDS.producerId,
  FIELDS.producerEpoch,
  FIELDS.producerSeq,
].join(", ");
const ANSWER_FIELDS = ["Location", "ETag", "Content-Encoding", ...Object.values(FIELDS)].join(", ");
const PREFLIGHT_SECONDS = "86400";

/** What a browser asks before it sends what is not its everyday's. */
export function preflight(request: Request, methods: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      Allow: methods,
      ...(request.headers.has("Origin")
        ? {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": REQUEST_FIELDS,
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
          }
        : {}),
    },
  });
}

/**
 * What browsers have to know of every answer, errors included.
 *
 * @param request - of an answer that is not kept by caches, those of other programs are spared what is for another origin's pages
 */
export function applyBrowserFields(response: Response, cors: string | false, request?: Request): Response {
  const { headers } = response;
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cross-Origin-Resource-Policy", cors === false ? "same-origin" : "cross-origin");
  if (cors === false || (request && mayNotBeCached(request) && !request.headers.has("Origin"))) return response;
  headers.set("Access-Control-Allow-Origin", cors);
  headers.set("Access-Control-Expose-Headers", ANSWER_FIELDS);
  if (cors !== "*") headers.append("Vary", "Origin");
  return response;
}

function mayNotBeCached({ method }: Request): boolean {
  return method !== "GET" && method !== "HEAD";
}
