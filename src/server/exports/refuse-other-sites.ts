import { HttpError } from "../../errors.ts";

/** A page of another site can have a browser send SQL as plain text, without leave and without seeing the answer. */
export function refuseOtherSites(request: Request): void {
  const site = request.headers.get("Sec-Fetch-Site");
  if (site === "cross-site" || site === "same-site") {
    throw new HttpError(403, "Statements are not taken from pages of other sites");
  }
}
