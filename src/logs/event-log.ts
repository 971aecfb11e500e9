/**
 * A position in a stream: how many bytes of messages come before it, those of what it was forked from included. It only grows, and
 * is never given to other bytes.
 */
export type Position = number;

/** What a stream is, from its creation on. */
export interface StreamConfig {
  /** As it was given. Two are the same without regard to case and parameters. */
  readonly contentType: string;
  /** It is gone when nobody has read or written it for so long, in s. */
  readonly ttlSeconds?: number | undefined;
  /** It is gone then, in ms since 1970. */
  readonly expiresAtMs?: number | undefined;
  /** Anybody's cache may keep its pages. */
  readonly isPublic?: boolean | undefined;
}

/** What is known of a stream. */
export interface StreamInfo {
  readonly config: StreamConfig;
  /** Another one for each stream that ever had the name. */
  readonly generation: string;
  /** What comes before it was trimmed. */
  readonly first: Position;
  /** Where the next message begins. */
  readonly next: Position;
  readonly closed: boolean;
  /** Why it was closed, where that was a failure: a code. */
  readonly failure?: string | undefined;
}

export interface ForkOrigin {
  readonly from: string;
  /** Undefined: its present end. */
  readonly at?: Position | undefined;
  /** How far behind `at`, in bytes of the message there. */
  readonly bytes?: number | undefined;
  /** How far behind `at`, in messages. */
  readonly messages?: number | undefined;
}

export interface CreateRequest {
  /** Undefined for a fork: as what it is forked from. Without a time to live it has that of its origin, too. */
  readonly config: Partial<StreamConfig>;
  readonly messages: readonly Uint8Array[];
  readonly closed: boolean;
  readonly fork?: ForkOrigin | undefined;
}

export type CreateResult =
  | { readonly status: "created" | "exists"; readonly info: StreamInfo }
  /** There is one with another config, or one whose forks still need it. */
  | { readonly status: "conflict" }
  | { readonly status: "no origin" | "origin gone" | "beyond origin" | "other type" };

/** Who appends, so that a repetition is noticed: (id, epoch, seq) stands for one append. */
export interface Producer {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
}

export interface AppendRequest {
  /** Undefined: whatever the stream's is. */
  readonly contentType?: string | undefined;
  /** None only where it is closed. Not to be written to from then on. */
  readonly messages: readonly Uint8Array[];
  readonly close?: boolean | undefined;
  /** Closed as failed, with this code. */
  readonly failure?: string | undefined;
  /** Must be greater than the one before, byte by byte. */
  readonly seq?: string | undefined;
  readonly producer?: Producer | undefined;
  /** The append counts only while this lease is held. */
  readonly lease?: Lease | undefined;
}

export type AppendResult =
  | { readonly status: "appended"; readonly info: StreamInfo }
  /** It was appended before. */
  | { readonly status: "duplicate"; readonly info: StreamInfo; readonly seq: number }
  | { readonly status: "missing" | "gone" | "lease lost" }
  | { readonly status: "closed" | "other type" | "seq"; readonly info: StreamInfo }
  | { readonly status: "stale epoch"; readonly epoch: number }
  | { readonly status: "epoch without start" }
  | { readonly status: "gap"; readonly expected: number };

export interface ReadLimits {
  /** Messages are given until they have so many bytes; at least one, where there is one. A log may end a page earlier. */
  readonly maxBytes: number;
  /** At most so many of them. */
  readonly maxMessages?: number | undefined;
}

/** Messages one behind the other. */
export interface Page {
  readonly info: StreamInfo;
  /** Not to be written to. The first may be the end of a message, where `after` was inside of it. */
  readonly messages: readonly Uint8Array[];
  readonly from: Position;
  /** Behind the last of them. */
  readonly next: Position;
}

export type ReadResult =
  | { readonly status: "page"; readonly page: Page }
  | { readonly status: "missing" | "gone" }
  /** What comes behind the position is partly gone. */
  | { readonly status: "trimmed"; readonly info: StreamInfo };

export type InfoResult =
  | { readonly status: "there"; readonly info: StreamInfo }
  | { readonly status: "missing" | "gone" };

/** What a stream keeps; what is more is trimmed, oldest first, whole messages. */
export interface Retention {
  readonly maxAgeMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxMessages?: number | undefined;
  /** All before it. */
  readonly before?: Position | undefined;
}

/** The right to write a stream, for a while. A later holder's epoch is greater: what an earlier one still sends is refused. */
export interface Lease {
  readonly holder: string;
  readonly epoch: number;
}

/**
 * Streams that are kept: append-only sequences of messages, by name. Every call is one atomic step, and what it has resolved to
 * is as durable as the log promises. `streams/` speaks the protocol over it; drivers implement it, and the suite in
 * `test/logs/` holds them to it.
 */
export interface EventLog {
  create(name: string, request: CreateRequest): Promise<CreateResult>;
  /**
   * Appends, or says why not. What does not hold is looked for in this order: it is there; the producer's epoch; the producer's
   * repetition; it is open; its type; the producer's sequence; `seq`; the lease.
   */
  append(name: string, request: AppendRequest): Promise<AppendResult>;
  /** What comes behind a position, so much at a time; of a fork, also across its beginning. Counts as use. */
  read(name: string, after: Position, limits: ReadLimits): Promise<ReadResult>;
  /** What is known of a stream. Does not count as use. */
  info(name: string): Promise<InfoResult>;
  /** Names with a prefix, in order, behind `after`. */
  list(prefix: string, options?: { readonly after?: string; readonly limit?: number }): Promise<string[]>;
  /**
   * Calls when something may have changed: a hint, which may come for nothing, and of a log on another machine may be lost. Who has
   * watched from before he read, and reads again at each hint, misses nothing of a log in this process; who must not wait for a hint
   * that was lost reads again after a while without one, too.
   *
   * @returns stops it
   */
  watch(name: string, listener: () => void): () => void;
  trim(name: string, retention: Retention): Promise<InfoResult>;
  /** Counts as use: a time to live begins anew. */
  touch(name: string): Promise<InfoResult>;
  /** One that others are forked from is gone for all but them. */
  delete(name: string): Promise<{ readonly status: "deleted" | "missing" | "gone" }>;
  /**
   * Takes, or prolongs, the right to write a stream that is there.
   *
   * @param holder - who; unique to a process and what it does
   * @returns undefined where another holds it, or the stream is not there
   */
  acquireLease(name: string, holder: string, ms: number): Promise<Lease | undefined>;
  /** @returns whether it is still held */
  renewLease(name: string, lease: Lease, ms: number): Promise<boolean>;
  releaseLease(name: string, lease: Lease): Promise<void>;
  /** Streams that were written under a lease which has ended without being given back, and are open still. */
  abandoned(): Promise<string[]>;
  /** Resolves when what was acknowledged is kept, and nothing is open any more. */
  close(): Promise<void>;
}
