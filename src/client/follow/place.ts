import type { ParsedEvent } from "./event-parser.ts";

/** An event that was followed. */
export interface FollowedEvent {
  /** Of a Durable Stream of JSON: one message, as it was written. */
  readonly data: string;
  /**
   * Where to go on, as `after`, when this event has been dealt with; empty where the server gives no ids. With `live=sse` messages
   * come in batches, and only the last of a batch has a new one: whoever stops before it gets those of the batch again.
   */
  readonly id: string;
  /** Its type. */
  readonly event: string;
  /** How `data` stands for bytes, where it does. */
  readonly encoding: "base64" | undefined;
}

/** What is asked for next. */
export interface Target {
  readonly url: string;
  readonly method: string;
  readonly fields: Record<string, string>;
}

/** How far one has come, in one kind of stream. */
export interface Place {
  readonly target: Target;
  /** The id of the last event; empty where there is none, or it says nothing. */
  readonly lastId: string;
  /**
   * Looks at the head of an answer.
   *
   * @returns undefined where events follow; else from where to ask again, at once
   * @throws FollowError for an answer that cannot be followed
   */
  accept(answer: Response): Place | undefined;
  /**
   * Goes on by one event.
   *
   * @returns what is to be handed out
   * @throws FollowError when it says that nothing more can come
   */
  take(event: ParsedEvent): readonly FollowedEvent[];
  /**
   * @returns whether nothing more will come
   * @throws FollowError where that is a failure
   */
  hasEnded(): boolean;
}
