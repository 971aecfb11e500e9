import { HttpError } from "../errors.ts";
import { optionError } from "../http/response-options.ts";
import type { Producer, StreamConfig, StreamInfo } from "../logs/event-log.ts";
import { formatOffset } from "./offset.ts";

/** The fields of the protocol (Durable Streams), and ours: `Stream-Failed`, `Stream-Public`. */
export const FIELDS = {
  nextOffset: "Stream-Next-Offset",
  upToDate: "Stream-Up-To-Date",
  cursor: "Stream-Cursor",
  closed: "Stream-Closed",
  failed: "Stream-Failed",
  seq: "Stream-Seq",
  ttl: "Stream-TTL",
  expiresAt: "Stream-Expires-At",
  isPublic: "Stream-Public",
  forkedFrom: "Stream-Forked-From",
  forkOffset: "Stream-Fork-Offset",
  forkSubOffset: "Stream-Fork-Sub-Offset",
  producerId: "Producer-Id",
  producerEpoch: "Producer-Epoch",
  producerSeq: "Producer-Seq",
  expectedSeq: "Producer-Expected-Seq",
  receivedSeq: "Producer-Received-Seq",
  dataEncoding: "Stream-SSE-Data-Encoding",
} as const;

const WHOLE = /^(?:0|[1-9]\d{0,15})$/u;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/iu;

/** @throws HttpError 400 for fields that are malformed, or contradict each other */
export function readConfig(headers: Headers): Partial<StreamConfig> {
  const ttl = headers.get(FIELDS.ttl);
  const expiresAt = headers.get(FIELDS.expiresAt);
  if (ttl !== null && expiresAt !== null) {
    throw new HttpError(400, `${FIELDS.ttl} and ${FIELDS.expiresAt} are not both given`);
  }
  const contentType = readContentType(headers);
  const isPublic = isTrue(headers.get(FIELDS.isPublic));
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(ttl === null ? {} : { ttlSeconds: readWhole(FIELDS.ttl, ttl) }),
    ...(expiresAt === null ? {} : { expiresAtMs: readTime(expiresAt) }),
    ...(isPublic ? { isPublic } : {}),
  };
}

/** @returns undefined where there is none, or an empty one */
export function readContentType(headers: Headers): string | undefined {
  return headers.get("Content-Type") || undefined;
}

/** @throws SluiceTypeError `ERR_INVALID_OPTION` for what could not be sent as a field's value */
export function assertFieldValue(name: string, value: string): void {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/u.test(value)) {
    throw optionError(name, "visible ASCII, as a field of HTTP", value);
  }
}

export function isTrue(field: string | null): boolean {
  return field?.toLowerCase() === "true";
}

/** @throws HttpError 400 where only some of the three fields are given, or one is malformed */
export function readProducer(headers: Headers): Producer | undefined {
  const id = headers.get(FIELDS.producerId);
  const epoch = headers.get(FIELDS.producerEpoch);
  const seq = headers.get(FIELDS.producerSeq);
  if (id === null && epoch === null && seq === null) return undefined;
  if (id === null || epoch === null || seq === null) {
    const { producerId, producerEpoch, producerSeq } = FIELDS;
    throw new HttpError(400, `${producerId}, ${producerEpoch} and ${producerSeq} are given together, or not at all`);
  }
  if (id === "") throw new HttpError(400, `${FIELDS.producerId} is not empty`);
  return { id, epoch: readWhole(FIELDS.producerEpoch, epoch), seq: readWhole(FIELDS.producerSeq, seq) };
}

/** @throws HttpError 400 */
export function readWhole(name: string, field: string): number {
  const value = WHOLE.test(field) ? Number(field) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new HttpError(
      400,
      `${name} is an integer from 0 to 2^53 - 1, in decimal digits; got ${JSON.stringify(field)}`,
    );
  }
  return value;
}

function readTime(field: string): number {
  const time = DATE_TIME.test(field) ? Date.parse(field) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new HttpError(400, `${FIELDS.expiresAt} is a time as of RFC 3339; got ${JSON.stringify(field)}`);
  }
  return time;
}

/** What every answer says of a stream's end. */
export function endFields({ next, closed, failure }: StreamInfo): Record<string, string> {
  return {
    [FIELDS.nextOffset]: formatOffset(next),
    ...(closed ? { [FIELDS.closed]: "true" } : {}),
    ...(failure === undefined ? {} : { [FIELDS.failed]: failure }),
  };
}

/** What says how long it is kept. */
export function configFields({ config }: StreamInfo): Record<string, string> {
  const { contentType, ttlSeconds, expiresAtMs, isPublic } = config;
  return {
    "Content-Type": contentType,
    ...(ttlSeconds === undefined ? {} : { [FIELDS.ttl]: String(ttlSeconds) }),
    ...(expiresAtMs === undefined ? {} : { [FIELDS.expiresAt]: new Date(expiresAtMs).toISOString() }),
    ...(isPublic ? { [FIELDS.isPublic]: "true" } : {}),
  };
}
