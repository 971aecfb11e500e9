import { isCompressible } from "../../http/headers.ts";
import { type ContentCoding, negotiateCoding } from "../../http/negotiation.ts";
import type { SpooledBody } from "./spooled-body.ts";

export interface ChosenCoding {
  /** Another request may get another. */
  readonly isNegotiated: boolean;
  /** Undefined for the bytes as they are. */
  readonly coding: ContentCoding | undefined;
}

/**
 * In which content coding a spooled body is sent. A range is one of the bytes as they are, unless `If-Range` has the tag of those in
 * a coding: who adds to what he has decoded counts the decoded bytes, and who has kept coded ones needs their tag to add to them.
 *
 * @param compress - undefined: where its type is worth it
 */
export function chooseCoding(request: Request, body: SpooledBody, compress: boolean | undefined): ChosenCoding {
  const { headers } = body.record;
  const isNegotiated =
    headers["content-encoding"] === undefined && (compress ?? isCompressible(headers["content-type"]));
  if (!isNegotiated) return { isNegotiated, coding: undefined };
  if (!request.headers.has("Range")) {
    return { isNegotiated, coding: negotiateCoding(request.headers.get("Accept-Encoding")) };
  }
  const tag = request.headers.get("If-Range");
  const tagged = [...body.codings].find(([, { record }]) => tag === `"${record.id}"`);
  return { isNegotiated, coding: tagged?.[0] };
}
