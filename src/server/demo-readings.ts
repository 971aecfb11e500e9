import { setTimeout as delay } from "node:timers/promises";
import { HttpError } from "../errors.ts";

/** What a thermometer says. Readings are numbered from 1. */
export interface Reading {
  readonly id: number;
  readonly time: Date;
  readonly celsius: number;
}

const INTERVAL_MS = 1000;
/** Readings that are there when the process starts, and that a new reader begins with. */
const HISTORY = 10;

const startedAt = Date.now() - HISTORY * INTERVAL_MS;

/**
 * The readings behind number `after`: first, at once, those that were taken already, then each as it is taken. Without
 * `after`, the last ten and what follows.
 *
 * @throws HttpError 400 where `after` is no reading's number
 */
export async function* readings(options: { after: string | undefined; signal: AbortSignal }): AsyncGenerator<Reading> {
  const { after, signal } = options;
  if (after !== undefined && !/^\d{1,15}$/u.test(after)) throw new HttpError(400, "A reading's id is a number");
  const taken = Math.floor((Date.now() - startedAt) / INTERVAL_MS);
  for (let id = after === undefined ? taken - HISTORY + 1 : Number(after) + 1; ; id++) {
    const time = new Date(startedAt + id * INTERVAL_MS);
    const waitMs = time.getTime() - Date.now();
    // A number from before this process started: it goes on from there, at the same pace.
    if (waitMs > 0) await delay(Math.min(waitMs, INTERVAL_MS), undefined, { signal });
    yield { id, time, celsius: Math.round(200 + 50 * Math.sin(id / 20)) / 10 };
  }
}
