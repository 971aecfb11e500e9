import { STATUS_CODES } from "node:http";
import { CONNECTION_FIELDS } from "../http/headers.ts";
import { type NodeResponse, isHttp2 } from "./http-types.ts";

export interface Head {
  status: number;
  statusText: string;
  headers: Headers;
}

/** Writes the status line and fields into `res`; fields that were set on it before stay, unless these name them. */
export function writeHead(res: NodeResponse, { status, statusText, headers }: Head): void {
  const fields: Record<string, string | string[]> = {};
  // HTTP/1.0 has no trailers, and Node throws where they are announced (ERR_HTTP_TRAILER_INVALID).
  const noTrailers = res.req.httpVersionMajor === 1 && res.req.httpVersionMinor === 0;
  for (const [name, value] of headers) {
    if (CONNECTION_FIELDS.has(name) && !(name === "connection" && closes(value, res))) continue;
    if (name === "set-cookie" || (name === "trailer" && noTrailers)) continue;
    fields[name] = value;
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  if (isHttp2(res)) res.writeHead(status, fields);
  else res.writeHead(status, statusText || (STATUS_CODES[status] ?? ""), fields);
}

/** The one thing that a response may say of its connection, where there is such a field at all (RFC 9113 §8.2.2). */
function closes(value: string, res: NodeResponse): boolean {
  return value.trim().toLowerCase() === "close" && !isHttp2(res);
}
