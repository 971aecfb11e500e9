import { problemResponse } from "../../http/problem.ts";
import type { SpooledBody } from "./spooled-body.ts";

/** The name in a query string by which the body of a run is asked for. */
const RUN_PARAMETER = "run";
/** A request for the rest of what somebody has the beginning of. */
const REST = /^bytes=[ \t]*0*[1-9]\d*-[ \t]*$/iu;

/**
 * Sends the reader to the body itself: that address has these bytes and no others, ever, so ranges of it can be asked for. It is
 * the request's own, with the run's id.
 */
export function redirectToRun(request: Request, { record: { id } }: SpooledBody): Response {
  const { pathname, searchParams } = new URL(request.url);
  searchParams.set(RUN_PARAMETER, id);
  // aria2 takes `?…` alone for the query of the folder.
  const segment = pathname.slice(pathname.lastIndexOf("/") + 1);
  // RFC 3986 §4.2: what has a colon would be read as a scheme.
  return redirectTo(`${segment.includes(":") ? "./" : ""}${segment}?${searchParams.toString()}`);
}

/** RFC 9110 §15.4.4. Nobody keeps it: next time it may be another run. */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
}

export function runIdOf(request: Request): string | undefined {
  return new URL(request.url).searchParams.get(RUN_PARAMETER) ?? undefined;
}

/**
 * Whether it asks for the rest of a run, and does not say of which (`If-Range`): a new one would be joined to what there is of
 * another, and nobody would notice.
 */
export function wantsRestOfAny({ headers }: Request): boolean {
  return REST.test(headers.get("Range") ?? "") && !headers.has("If-Range");
}

/** What is answered to {@link wantsRestOfAny} where no run is there. */
export function noRunToGoOnWith(): Response {
  return problemResponse(409, "There is no run any more that this could be the rest of: begin anew, without Range");
}

/** What is answered where a run is not there: it was another's, too, for all that is told. */
export function noSuchRun(): Response {
  return problemResponse(404, "There is no such run, or none any more: the address without it makes a new one");
}
