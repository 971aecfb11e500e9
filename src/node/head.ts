import { STATUS_CODES } from "node:http";
import { CONNECTION_FIELDS } from "../http/headers.ts";
import { type NodeResponse, isHttp2 } from "./http-types.ts";

/** Status and fields of a response on their way out, as Node wants them. */
export interface Head {
  status: number;
  statusText: string;
  /** By name, in lower case. */
  fields: Record<string, string | string[]>;
}

/** What a field's value cannot have in it (RFC 9110 §5.5). `Headers` let control characters pass, Node does not. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/u;

/**
 * The head of `response`, without what is the connection's: it may be changed until it is written.
 *
 * @throws TypeError where it has what cannot be sent: from then on nothing of it can fail
 */
export function headOf(response: Response): Head {
  const { status } = response;
  if (!(status >= 200 && status <= 599)) throw new TypeError(`A response has a status from 200 to 599; got ${status}`);
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) {
    if (UNSENDABLE.test(value)) throw new TypeError(`The field ${name} has a character that HTTP has no form for`);
    if (!CONNECTION_FIELDS.has(name) || (name === "connection" && isClose(value))) fields[name] = value;
  }
  if ("set-cookie" in fields) fields["set-cookie"] = response.headers.getSetCookie();
  const statusText = UNSENDABLE.test(response.statusText) ? "" : response.statusText;
  return { status, statusText, fields };
}

/** A field that a response has once. */
export function fieldOf(head: Head, name: string): string | undefined {
  const value = head.fields[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * Writes the status line and fields into `res`; fields that were set on it before stay, unless these name them. The body's
 * framing is ours to say: one from elsewhere would let one answer run into the next.
 */
export function writeHead(res: NodeResponse, { status, statusText, fields }: Head): void {
  if (isHttp2(res)) {
    delete fields["connection"];
    res.writeHead(status, fields);
    return;
  }
  const isHttp10 = res.req.httpVersionMinor === 0;
  const hasLength = "content-length" in fields;
  // HTTP/1.0 has no trailers, and Node throws where they are announced (ERR_HTTP_TRAILER_INVALID).
  if (isHttp10) delete fields["trailer"];
  if (!hasLength && res.hasHeader("content-length")) res.removeHeader("content-length");
  // Where it is removed Node sends no chunks: only where there are to be none.
  if ((hasLength || isHttp10) && res.hasHeader("transfer-encoding")) res.removeHeader("transfer-encoding");
  res.writeHead(status, statusText || (STATUS_CODES[status] ?? ""), fields);
}

/** The one thing that a response may say of its connection, where there is such a field at all (RFC 9113 §8.2.2). */
function isClose(value: string): boolean {
  return value.trim().toLowerCase() === "close";
}
