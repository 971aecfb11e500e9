import { HttpError } from "../errors.ts";
import type { ForkOrigin, StreamConfig } from "../logs/event-log.ts";
import { parseOffset } from "./offset.ts";
import { readBytes } from "./read-bytes.ts";
import { splitJson } from "./split-json.ts";
import { FIELDS, configFields, endFields, isTrue, readConfig, readWhole } from "./stream-fields.ts";
import { nameOf } from "./stream-name.ts";
import { isJson } from "./stream-type.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";

/** PUT: a stream that is not there is made, with the body for its first content. */
export async function createStream(request: Request, name: string, options: ResolvedStreamsOptions): Promise<Response> {
  const { headers } = request;
  const config = readConfig(headers);
  const fork = readFork(headers, options.prefix);
  const body = await readBytes(request, options.maxMessageBytes);
  const type = config.contentType ?? (fork ? await typeOf(fork.from, options) : undefined);
  const messages = body.byteLength === 0 ? [] : isJson(type) ? splitJson(body) : [body];
  const place = fork && placeIn(fork, isJson(type));
  const closed = isTrue(headers.get(FIELDS.closed));
  const made = await options.log.create(name, { config, messages, closed, fork: place });
  switch (made.status) {
    case "created":
    case "exists": {
      const isNew = made.status === "created";
      const { origin, pathname } = new URL(request.url);
      return new Response(null, {
        status: isNew ? 201 : 200,
        headers: {
          ...configFields(made.info),
          ...endFields(made.info),
          ...(isNew ? { Location: origin + pathname } : {}),
        },
      });
    }
    case "conflict":
      throw new HttpError(409, "There is such a stream, with another type, time to live, end or origin");
    case "no origin":
      throw new HttpError(404, "There is no stream that it could be forked from");
    case "origin gone":
      throw new HttpError(409, "What it would be forked from was deleted");
    case "other type":
      throw new HttpError(409, "What it would be forked from has another type");
    case "beyond origin":
      throw new HttpError(400, "What it would be forked from has no such place");
  }
}

async function typeOf(name: string, { log }: ResolvedStreamsOptions): Promise<StreamConfig["contentType"] | undefined> {
  const result = await log.info(name);
  return result.status === "there" ? result.info.config.contentType : undefined;
}

interface Fork {
  readonly from: string;
  readonly at: number | undefined;
  readonly sub: number;
}

function readFork(headers: Headers, prefix: string): Fork | undefined {
  const from = headers.get(FIELDS.forkedFrom);
  const offset = headers.get(FIELDS.forkOffset);
  const subOffset = headers.get(FIELDS.forkSubOffset);
  if (from === null) {
    if (offset === null && subOffset === null) return undefined;
    throw new HttpError(400, `${FIELDS.forkOffset} and ${FIELDS.forkSubOffset} need ${FIELDS.forkedFrom}`);
  }
  const name = nameOf(from, prefix);
  if (name === undefined) throw new HttpError(400, `${FIELDS.forkedFrom} is a path behind ${prefix}`);
  const at = offset === null ? undefined : parseOffset(offset);
  if (offset !== null && at === undefined) throw new HttpError(400, `${FIELDS.forkOffset} is no offset`);
  const sub = subOffset === null ? 0 : readWhole(FIELDS.forkSubOffset, subOffset);
  if (sub > 0 && at === undefined) throw new HttpError(400, `${FIELDS.forkSubOffset} needs ${FIELDS.forkOffset}`);
  return { from: name, at, sub };
}

/** How far behind its offset is counted in messages of JSON, in bytes of everything else. */
function placeIn({ from, at, sub }: Fork, isOfJson: boolean): ForkOrigin {
  if (sub === 0) return { from, at };
  return isOfJson ? { from, at, messages: sub } : { from, at, bytes: sub };
}
