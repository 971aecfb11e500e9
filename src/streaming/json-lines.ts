import { SluiceTypeError } from "../errors.ts";
import { essence } from "../http/headers.ts";

const JSON_LINES_TYPES = new Set(["application/jsonl", "application/x-ndjson", "application/x-jsonlines"]);

export function isJsonLines(mediaType: string): boolean {
  return JSON_LINES_TYPES.has(essence(mediaType));
}

/** A value as one line of JSON Lines. */
export function toJsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) {
    throw new SluiceTypeError("ERR_ITEM_TYPE", `JSON has no form for a ${typeof value}; yield a value that it has one for`);
  }
  return `${json}\n`;
}
