import { problemResponse } from "../../http/problem.ts";
import type { SpooledBody } from "./spooled-body.ts";

/** The name in a query string by which the body of a run is asked for. */
const RUN_PARAMETER = "run";

/**
 * Sends the reader to the body itself: that address has these bytes and no others, ever, so ranges of it can be asked for. It is
 * the request's own, with the run's id.
 */
export function redirectToRun(request: Request, { record: { id } }: SpooledBody): Response {
  const { searchParams } = new URL(request.url);
  searchParams.set(RUN_PARAMETER, id);
  return redirectTo(`?${searchParams.toString()}`);
}

/** RFC 9110 §15.4.4. Nobody keeps it: next time it may be another run. */
export function redirectTo(location: string): Response {
  return new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
}

export function runIdOf(request: Request): string | undefined {
  return new URL(request.url).searchParams.get(RUN_PARAMETER) ?? undefined;
}

/** What is answered where a run is not there: it was another's, too, for all that is told. */
export function noSuchRun(): Response {
  return problemResponse(404, "There is no such run, or none any more: the address without it makes a new one");
}
