import { problemResponse } from "../http/problem.ts";

const ALLOW = { Allow: "GET, HEAD, OPTIONS" };

/** What a file answers to a method that does not read it (RFC 9110 §9.3.7, §15.5.6); undefined to GET and HEAD. */
export function answerOtherMethod({ method }: Request): Response | undefined {
  if (method === "GET" || method === "HEAD") return undefined;
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: ALLOW });
  return problemResponse(405, "A file is read by GET and HEAD", ALLOW);
}
