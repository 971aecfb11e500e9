import { SluiceTypeError } from "../errors.ts";
import type { Item } from "../core/puller.ts";
import { describe } from "../core/describe.ts";
import { isJsonLines, toJsonLine } from "./json-lines.ts";

/** Brings one value of a source into bytes or text. */
export type EncodeItem = (value: unknown) => Item;

/** How the items of a body of this type are encoded. */
export function itemEncoder(mediaType: string): EncodeItem {
  return isJsonLines(mediaType) ? encodeJsonLine : encodeItem;
}

function encodeItem(value: unknown): Item {
  const item = textOrBytes(value);
  if (item === undefined) {
    throw new SluiceTypeError(
      "ERR_ITEM_TYPE",
      `A source yields strings, Uint8Arrays or other ArrayBufferViews; got ${describe(value)}. ` +
        'Objects are sent with mediaType "application/jsonl"',
    );
  }
  return item;
}

function encodeJsonLine(value: unknown): Item {
  return textOrBytes(value) ?? toJsonLine(value);
}

function textOrBytes(value: unknown): Item | undefined {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return undefined;
}
