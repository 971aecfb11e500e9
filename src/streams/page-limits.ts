import type { ReadLimits } from "../logs/event-log.ts";

/**
 * What a message costs beside its bytes: the object that it is, and what stands around it in an event stream. A page of many small
 * messages ends by this, long before it has its bytes.
 */
export const MESSAGE_COST_BYTES = 64;
/** What is read at a time for an event stream, in bytes. A reader who takes nothing holds so much, and what stands around it. */
const EVENTS_BYTES = 64 * 1024;

/** @param maxBytes - of a page, with the cost of its messages */
export function pageLimits(maxBytes: number): ReadLimits {
  return { maxBytes, maxMessages: Math.max(1, Math.floor(maxBytes / MESSAGE_COST_BYTES)) };
}

/** Of a page for an event stream: those who follow get many small ones, and hold one. */
export function eventPageLimits(maxPageBytes: number): ReadLimits {
  return pageLimits(Math.min(maxPageBytes, EVENTS_BYTES));
}
