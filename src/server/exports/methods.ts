import { problemResponse } from "../../index.ts";

/** What is answered to a method that is none of `allowed` (RFC 9110 §9.3.7, §15.5.6). */
export function otherMethod({ method }: Request, allowed: readonly string[]): Response {
  const headers = { Allow: [...allowed, "OPTIONS"].join(", ") };
  if (method === "OPTIONS") return new Response(null, { status: 204, headers });
  return problemResponse(405, `It is asked for by ${allowed.join(" and ")}`, headers);
}
