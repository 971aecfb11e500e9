import { SluiceTypeError } from "../errors.ts";
import { describe } from "../core/describe.ts";
import { essence } from "../http/headers.ts";

const JSON_LINES_TYPES = new Set(["application/jsonl", "application/x-ndjson", "application/x-jsonlines"]);

export function isJsonLines(mediaType: string): boolean {
  return JSON_LINES_TYPES.has(essence(mediaType));
}

/** A value as one line of JSON Lines. */
export function toJsonLine(value: unknown): string {
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (json !== undefined) return `${json}\n`;
  throw new SluiceTypeError(
    "ERR_ITEM_TYPE",
    `JSON has no form for ${describe(value)}; yield a value that it has one for`,
    cause === undefined ? {} : { cause },
  );
}
