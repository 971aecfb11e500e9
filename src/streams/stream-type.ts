import { essence } from "../http/headers.ts";

/** Whether messages are JSON values, which are told apart when they are read. */
export function isJson(type: string | undefined): boolean {
  return type !== undefined && essence(type) === "application/json";
}

/** Whether messages can stand in an event stream as they are; those of other types are Base64 there. */
export function isText(type: string): boolean {
  return isJson(type) || essence(type).startsWith("text/");
}
