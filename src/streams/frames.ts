import type { HttpError } from "../errors.ts";
import { formatEvent } from "../http/event-codec.ts";
import type { Page, StreamInfo } from "../logs/event-log.ts";
import { nextCursor } from "./cursor.ts";
import { FrameWriter } from "./frame-writer.ts";
import { jsonArrayOf } from "./json-array.ts";
import { formatOffset } from "./offset.ts";
import { isAtEnd } from "./read-stream.ts";
import { isJson, isText } from "./stream-type.ts";
import { TrimmedError } from "./trimmed-error.ts";

/** How pages are written in an event stream. */
export interface Framing {
  /** @param cursor - the reader's own; the same frames without one are for all who are at the same place */
  page(page: Page, cursor: string | null): Uint8Array<ArrayBuffer>;
  /** What is said where there is nothing new, at the beginning. */
  begin(page: Page, cursor: string | null): string;
  /** What is said where what comes next is not kept any more. */
  trimmed(info: StreamInfo): string;
}

/** What stands around a message, in bytes. */
const EVENT_BYTES = `id: ${formatOffset(0)}\ndata: \n\n`.length;
/** What stands around the messages of a page, and behind them: more is made room for. */
const CONTROL_BYTES = 256;

/** The protocol's own (Durable Streams §SSE): after each `data` a `control` that says where the reader is. */
export const durableFraming: Framing = {
  page(page, cursor) {
    const { messages } = page;
    const writer = new FrameWriter(byteLengthOf(page) + messages.length + CONTROL_BYTES);
    if (messages.length > 0) {
      writer.ascii("event: data\n");
      writer.id(page.next);
      writeTogether(writer, page);
      writer.ascii("\n");
    }
    writer.text(control(page, cursor));
    return writer.finish();
  },
  begin: control,
  trimmed: ({ first }) => formatEvent({ event: "error", data: { code: "trimmed", first: formatOffset(first) } }),
};

/** As the protocol writes them: without the space that a reader takes off. */
function writeTogether(writer: FrameWriter, { messages, info }: Page): void {
  const { contentType } = info.config;
  if (isJson(contentType)) writer.data("data:", jsonArrayOf(messages));
  else if (isText(contentType)) writer.data("data:", messages);
  else writer.ascii(`data:${toBase64(messages.length === 1 ? messages[0]! : Buffer.concat(messages))}\n`);
}

function control(page: Page, cursor: string | null): string {
  const { info, next } = page;
  const isEnd = isAtEnd(page) && info.closed;
  const data = {
    streamNextOffset: formatOffset(next),
    ...(isEnd ? {} : { streamCursor: nextCursor(cursor, Date.now()) }),
    ...(isAtEnd(page) ? { upToDate: true } : {}),
    ...(isEnd ? { streamClosed: true } : {}),
    ...(isEnd && info.failure !== undefined ? { failed: info.failure } : {}),
  };
  return `event: control\ndata:${JSON.stringify(data)}\n\n`;
}

/** Says that a reader has been told of the end: with it he comes back for nothing. */
const TOLD = "!";

/** For a plain `EventSource`: an event for each message, whose id is where the reader is behind it. */
export const eventFraming: Framing = {
  page(page) {
    const { info, messages } = page;
    const isPlain = isText(info.config.contentType);
    const writer = new FrameWriter(byteLengthOf(page) + messages.length * EVENT_BYTES);
    let at = page.from;
    for (const message of messages) {
      at += message.byteLength;
      writer.id(at);
      if (isPlain) writer.data("data: ", [message]);
      else writer.ascii(`data: ${toBase64(message)}\n`);
      writer.ascii("\n");
    }
    if (isAtEnd(page)) writer.text(failed(info));
    return writer.finish();
  },
  // An id without data is no event, but kept: who is cut before the first event comes back to where he was.
  begin: ({ info, next }) => failed(info) || formatEvent({ id: formatOffset(next) }),
  trimmed({ first }) {
    const offset = formatOffset(first);
    return formatEvent({ id: offset + TOLD, event: "error", data: { code: "trimmed", first: offset } });
  },
};

function failed({ closed, failure, next }: StreamInfo): string {
  if (!closed || failure === undefined) return "";
  return formatEvent({ id: formatOffset(next) + TOLD, event: "error", data: { code: failure } });
}

/**
 * The frame by which a reader of several streams is told that one of them cannot be read any more.
 *
 * @param id - where he is in it
 */
export function lostFrame(id: string, error: HttpError): string {
  if (error instanceof TrimmedError) return eventFraming.trimmed(error.info);
  return formatEvent({ id: id + TOLD, event: "error", data: { code: `http_${error.status}` } });
}

/** @returns whether a `Last-Event-ID` says that its reader has been told of the end */
export function hasBeenTold(lastEventId: string): boolean {
  return lastEventId.endsWith(TOLD);
}

function byteLengthOf({ from, next }: Page): number {
  return next - from;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
