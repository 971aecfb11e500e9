import { describe } from "../core/describe.ts";
import { SluiceTypeError } from "../errors.ts";
import { isJson } from "./stream-type.ts";

const encoder = new TextEncoder();

/**
 * A value as a message: of a JSON stream as JSON, of any other a string as UTF-8, or bytes as they are.
 *
 * @throws SluiceTypeError `ERR_ITEM_TYPE` for what has no such form, or no bytes
 */
export function toMessage(value: unknown, contentType: string): Uint8Array {
  const bytes = isJson(contentType) ? toJson(value) : toBytes(value);
  if (bytes.byteLength === 0) throw new SluiceTypeError("ERR_ITEM_TYPE", "A message is not empty");
  return bytes;
}

/** Whether a value would be a message without bytes. In JSON there is none. */
export function hasNoBytes(value: unknown, contentType: string): boolean {
  return !isJson(contentType) && (value === "" || (value instanceof Uint8Array && value.byteLength === 0));
}

function toJson(value: unknown): Uint8Array {
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(value) as string | undefined;
  } catch (error) {
    cause = error;
  }
  if (json === undefined) {
    const message = `A message is a value that JSON has a form for; got ${describe(value)}`;
    throw new SluiceTypeError("ERR_ITEM_TYPE", message, { cause });
  }
  return encoder.encode(json);
}

function toBytes(value: unknown): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  // Copied: whoever made it may go on with it.
  if (value instanceof Uint8Array) return value.slice();
  throw new SluiceTypeError(
    "ERR_ITEM_TYPE",
    `A message is a string or a Uint8Array, in a stream of application/json any value; got ${describe(value)}`,
  );
}
