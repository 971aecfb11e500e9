import { InterruptedError } from "./download-error.ts";
import { Connection } from "./follow/connection.ts";
import { DurablePlace } from "./follow/durable-place.ts";
import { EventParser } from "./follow/event-parser.ts";
import { FollowError } from "./follow/follow-error.ts";
import { type FollowOptions, resolveFollowOptions } from "./follow/follow-options.ts";
import { judgeStatus } from "./follow/judge-head.ts";
import type { FollowedEvent, Place } from "./follow/place.ts";
import { PlainPlace } from "./follow/plain-place.ts";
import { Reconnection, sleep } from "./follow/reconnection.ts";

/**
 * Follows an event stream, or a Durable Stream: whenever the connection ends, it connects again, behind the last event. Each event is
 * handed out once, in order, and whole. It ends where the stream has ended: by its closing, or a 204.
 *
 * Nothing is read until the event before has been dealt with, but for the chunk that it came in.
 *
 * @param url - in a browser also relative to the page
 * @throws FollowError when it cannot go on; the signal's reason when that is aborted; TypeError for what is no request
 * @see WHATWG HTML §9.2, Durable Streams §SSE
 * @example for await (const { data, id } of follow("/v1/stream/news", { after })) show(data);
 */
export async function* follow(
  url: string | URL,
  options: FollowOptions = {},
): AsyncGenerator<FollowedEvent, void, undefined> {
  const settings = resolveFollowOptions(options);
  const { signal, method } = settings;
  const reconnection = new Reconnection(settings);
  let place = begin(url, method, options.after ?? "");
  for (;;) {
    signal?.throwIfAborted();
    const connection = new Connection(settings);
    let delayMs: number;
    try {
      const answer = await connection.open(place.target);
      if (!judgeStatus(answer)) return;
      const next = place.accept(answer);
      if (next) {
        place = next;
        continue;
      }
      const parser = new EventParser(place.lastId);
      for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
        for (const parsed of parser.push(chunk)) {
          for (const event of place.take(parsed)) {
            reconnection.advance();
            yield event;
            signal?.throwIfAborted();
          }
          if (place.hasEnded()) return;
        }
        if (parser.retryMs !== undefined) reconnection.retryMs = parser.retryMs;
      }
      signal?.throwIfAborted();
      if (!isRepeatable(method, place)) return;
      delayMs = reconnection.afterEnd(connection.stoodMs);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof InterruptedError)) throw error;
      if (!isRepeatable(method, place)) throw new FollowError("interrupted", error.message, { cause: error });
      delayMs = reconnection.afterFailure(error, connection.stoodMs);
    } finally {
      connection.close();
    }
    await sleep(delayMs, signal);
  }
}

function begin(url: string | URL, method: string, after: string): Place {
  const { location } = globalThis as { location?: { href: string } };
  const target = new URL(url, location?.href);
  if (target.searchParams.get("live") === "sse" || after === "now") return new DurablePlace(target, after);
  return new PlainPlace(target, method, after === "-1" ? "" : after);
}

/** Whether a request may be sent again: it changes nothing (RFC 9110 §9.2.1), or it says what it goes on behind. */
function isRepeatable(method: string, { lastId }: Place): boolean {
  return method === "GET" || lastId !== "";
}
