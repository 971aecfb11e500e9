import { essence } from "../../http/headers.ts";

/** An answer whose body is of no interest, but for what it says of a failure. */
export interface Reply {
  readonly status: number;
  readonly fields: Headers;
  /** What the server says of a failure (RFC 9457). */
  readonly detail: string | undefined;
}

/** More of what is said of a failure is not read. */
const MAX_DETAIL_LENGTH = 64 * 1024;

export async function readReply(answer: Response): Promise<Reply> {
  const { status, headers } = answer;
  return { status, fields: headers, detail: await readDetail(answer) };
}

/** A failure in one sentence. */
export function describeReply({ status, fields, detail }: Reply): string {
  const location = fields.get("location");
  if (status >= 300 && status < 400 && location !== null) {
    return `The server redirects to ${location}: name that address`;
  }
  return `The server answered ${status}${detail === undefined ? "" : ` (${detail})`}`;
}

async function readDetail({ status, headers, body }: Response): Promise<string | undefined> {
  if (!body) return undefined;
  if (status < 400 || essence(headers.get("content-type") ?? "") !== "application/problem+json") {
    await body.cancel();
    return undefined;
  }
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_DETAIL_LENGTH) break;
  }
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined;
  }
}
