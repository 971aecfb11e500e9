import type { ReadMessage, ReaderRecord } from "../../logs/history.ts";
import { EventReader } from "../../streams/support/event-reader.ts";
import { positionOf } from "./log-producer.ts";

/** Reads a stream to its end, whatever happens to the server. */
export interface LogReader {
  readonly record: ReaderRecord;
  /** Resolves when he has been told that there is no more. */
  readonly ended: Promise<void>;
}

/** Follows as an `EventSource` does: with `Last-Event-ID`. */
export function followEvents(url: string, reader: string): LogReader {
  const events = new EventReader(url, { headers: { Accept: "text/event-stream" } });
  let isComplete = false;
  const follow = async (): Promise<void> => {
    while (!isComplete) {
      let status = 0;
      try {
        ({ status } = await events.connect());
      } catch (error) {
        // There is no server just now.
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
        await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
      }
      if (status > 204) throw new Error(`${reader} was told ${status}`);
      isComplete = status === 204;
    }
  };
  const ended = follow();
  return {
    get record() {
      const messages = events.told
        .filter(({ data }) => data !== "")
        .map(({ data, id }) => ({ text: data, end: positionOf(id ?? null) }));
      return { reader, from: 0, messages, isComplete };
    },
    ended,
  };
}

/** Asks again and again for what is behind his place. */
export function pollLong(url: string, reader: string): LogReader {
  const messages: ReadMessage[] = [];
  let isComplete = false;
  const poll = async (): Promise<void> => {
    for (let offset = "-1"; !isComplete;) {
      let response: Response;
      let text: string;
      try {
        response = await fetch(`${url}?live=long-poll&offset=${offset}`);
        text = await response.text();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
        continue;
      }
      if (!response.ok) throw new Error(`${reader} was told ${response.status}`);
      const next = response.headers.get("Stream-Next-Offset")!;
      messages.push(...toMessages(text, positionOf(next)));
      offset = next;
      isComplete = response.headers.get("Stream-Closed") === "true";
    }
  };
  return {
    get record() {
      return { reader, from: 0, messages, isComplete };
    },
    ended: poll(),
  };
}

/** All that is there, page by page. */
export async function readAll(url: string): Promise<ReadMessage[]> {
  const messages: ReadMessage[] = [];
  for (let offset = "-1"; ;) {
    const response = await fetch(`${url}?offset=${offset}`);
    offset = response.headers.get("Stream-Next-Offset")!;
    messages.push(...toMessages(await response.text(), positionOf(offset)));
    if (response.headers.has("Stream-Up-To-Date")) return messages;
  }
}

/** Of a page only its end is told: the messages before it lie one behind the other. */
function toMessages(page: string, next: number): ReadMessage[] {
  const texts = page === "" ? [] : (JSON.parse(page) as string[]).map((text) => JSON.stringify(text));
  let end = next - texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return texts.map((text) => ({ text, end: (end += Buffer.byteLength(text)) }));
}
