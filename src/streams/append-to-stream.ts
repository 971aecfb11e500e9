import { HttpError } from "../errors.ts";
import type { AppendResult, Producer } from "../logs/event-log.ts";
import { formatOffset } from "./offset.ts";
import { readBytes } from "./read-bytes.ts";
import { retain } from "./retain.ts";
import { splitJson } from "./split-json.ts";
import { FIELDS, endFields, isTrue, readContentType, readProducer } from "./stream-fields.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";
import { isJson } from "./stream-type.ts";

/** POST: the body is appended, the stream is closed, or both at once. */
export async function appendToStream(
  request: Request,
  name: string,
  options: ResolvedStreamsOptions,
): Promise<Response> {
  const { headers } = request;
  const { log } = options;
  const close = isTrue(headers.get(FIELDS.closed));
  const producer = readProducer(headers);
  const contentType = readContentType(headers);
  const body = await readBytes(request, options.maxMessageBytes);
  const isEmpty = body.byteLength === 0;
  if (isEmpty && !close) throw new HttpError(400, `There is nothing to append; ${FIELDS.closed}: true would close it`);
  if (!isEmpty && contentType === undefined) throw new HttpError(400, "What is appended has a Content-Type");
  const messages = isEmpty ? [] : isJson(contentType) ? splitJson(body) : [body];
  if (!isEmpty && messages.length === 0) throw new HttpError(400, "An empty array has no message to append");
  const seq = headers.get(FIELDS.seq) ?? undefined;
  const failure = close ? (headers.get(FIELDS.failed) ?? undefined) : undefined;
  const result = await log.append(name, { contentType, messages, close, failure, seq, producer });
  await retain(log, name, options.retention, result);
  return answer(result, producer, isEmpty);
}

function answer(result: AppendResult, producer: Producer | undefined, isEmpty: boolean): Response {
  if (result.status === "appended") {
    return new Response(null, {
      status: producer && !isEmpty ? 200 : 204,
      headers: { ...endFields(result.info), ...(producer ? producerFields(producer.epoch, producer.seq) : {}) },
    });
  }
  if (result.status === "duplicate") {
    return new Response(null, {
      status: 204,
      headers: { ...endFields(result.info), ...producerFields(producer!.epoch, result.seq) },
    });
  }
  throw refusalOf(result, producer);
}

/** @returns the offset behind what was appended. @throws HttpError for what was not */
export function offsetAfter(result: AppendResult): string {
  if (result.status === "appended" || result.status === "duplicate") return formatOffset(result.info.next);
  throw refusalOf(result, undefined);
}

type Refusal = Exclude<AppendResult, { status: "appended" | "duplicate" }>;

function refusalOf(result: Refusal, producer: Producer | undefined): HttpError {
  switch (result.status) {
    case "missing":
      return new HttpError(404, "There is no such stream");
    case "gone":
      return new HttpError(410, "The stream was deleted");
    case "closed":
      return new HttpError(409, "The stream is closed", { headers: endFields(result.info) });
    case "other type":
      return new HttpError(409, `The stream's type is ${result.info.config.contentType}`);
    case "seq":
      return new HttpError(409, `${FIELDS.seq} is not greater than the one before`);
    case "stale epoch":
      return new HttpError(403, "A later epoch of this producer has begun", {
        headers: { [FIELDS.producerEpoch]: String(result.epoch) },
      });
    case "epoch without start":
      return new HttpError(400, `A new epoch begins with ${FIELDS.producerSeq}: 0`);
    case "gap":
      return new HttpError(409, "What the producer has sent before has not come", {
        headers: { [FIELDS.expectedSeq]: String(result.expected), [FIELDS.receivedSeq]: String(producer?.seq) },
      });
    case "lease lost":
      return new HttpError(409, "Another writes it now");
  }
}

function producerFields(epoch: number, seq: number): Record<string, string> {
  return { [FIELDS.producerEpoch]: String(epoch), [FIELDS.producerSeq]: String(seq) };
}
