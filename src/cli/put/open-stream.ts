import { essence } from "../../http/headers.ts";
import { describeReply } from "../stream/reply.ts";
import type { Requests } from "../stream/requests.ts";
import { StreamError } from "../stream/stream-error.ts";

const DEFAULT_TYPE = "text/plain; charset=utf-8";

/**
 * Makes the stream where it is not there.
 *
 * @param type - what it has to be; undefined: what it is, or text
 * @returns its content type
 * @throws StreamError
 */
export async function openStream(requests: Requests, type: string | undefined): Promise<string> {
  const found = await findStream(requests, type);
  if (found !== undefined) return found;
  const contentType = type ?? DEFAULT_TYPE;
  const made = await requests.send("PUT", { fields: { "content-type": contentType } });
  if (made.status === 200 || made.status === 201) return contentType;
  // Another may have been faster.
  const other = made.status === 409 ? await findStream(requests, type) : undefined;
  if (other === undefined) throw new StreamError(describeReply(made));
  return other;
}

async function findStream(requests: Requests, type: string | undefined): Promise<string | undefined> {
  const reply = await requests.send("HEAD");
  const { fields, status } = reply;
  if (status === 404) return undefined;
  if (status !== 200) throw new StreamError(status === 410 ? "The stream was deleted" : describeReply(reply));
  if (!fields.has("stream-next-offset")) throw new StreamError("There is no Durable Stream at this URL");
  if (fields.get("stream-closed")?.toLowerCase() === "true") throw new StreamError("The stream is closed");
  const found = fields.get("content-type") ?? "application/octet-stream";
  if (type !== undefined && essence(type) !== essence(found)) {
    throw new StreamError(`The stream is of ${found}, not of ${type}`);
  }
  return found;
}
