import type { FollowedEvent } from "../../client/index.ts";

export interface EventFormat {
  /** The stream's messages are JSON. */
  readonly isJson: boolean;
  /** Each event as one JSON object: its id, its type, and its data. */
  readonly asObject: boolean;
}

/** An event as it is printed: a line, or several where its text has them; bytes as they are. */
export function formatEvent({ data, id, event, encoding }: FollowedEvent, format: EventFormat): string | Uint8Array {
  // In JSON a line's end is nothing but space: strings have none.
  const text = format.isJson ? data.replaceAll(/[\r\n]+/gu, " ") : data;
  if (format.asObject) {
    const about = JSON.stringify({ id, event, ...(encoding === undefined ? {} : { encoding }) });
    return `${about.slice(0, -1)},"data":${format.isJson ? text : JSON.stringify(text)}}\n`;
  }
  if (encoding === "base64") return Buffer.from(data, "base64");
  return text.endsWith("\n") ? text : `${text}\n`;
}
