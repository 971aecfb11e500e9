import { HttpError } from "../../errors.ts";

/**
 * What is read of a body that is too large, in bytes, without being kept: on HTTP/1 a client hears an answer when it has sent
 * its request. Beyond, its connection is closed.
 */
const MAX_PASSED_OVER_BYTES = 8 * 1024 * 1024;

/**
 * The body of a request, as text.
 *
 * @throws HttpError 413 above `maxBytes`; 400 where it is no UTF-8
 */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = (headers = {}): HttpError =>
    new HttpError(413, `The body has at most ${maxBytes} bytes`, { headers });
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) throw tooLarge();
  const body: AsyncIterable<Uint8Array> | null = request.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes <= maxBytes) chunks.push(chunk);
    else if (bytes > MAX_PASSED_OVER_BYTES) throw tooLarge({ Connection: "close" });
  }
  if (bytes > maxBytes) throw tooLarge();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new HttpError(400, "The body is not UTF-8", { cause: error });
  }
}
