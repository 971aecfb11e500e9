import type {
  AppendRequest,
  AppendResult,
  CreateRequest,
  CreateResult,
  InfoResult,
  Lease,
  Position,
  ReadLimits,
  Retention,
  StreamInfo,
} from "../event-log.ts";
import type { Failure } from "./failure.ts";

/** When a stream was used last. */
export interface Use {
  readonly generation: string;
  readonly atMs: number;
}

/** When a call was made. Threads have no clock of their own, so that one can be put in its place. */
export interface Moment {
  readonly nowMs: number;
  /** By name, where the file does not say so yet. */
  readonly uses: ReadonlyMap<string, Use>;
}

/** What the thread that writes is called for. */
export interface WriterCalls {
  create(moment: Moment, name: string, request: CreateRequest): CreateResult;
  append(moment: Moment, name: string, request: AppendRequest): AppendResult;
  trim(moment: Moment, name: string, retention: Retention): InfoResult;
  delete(moment: Moment, name: string): { status: "deleted" | "missing" | "gone" };
  acquireLease(moment: Moment, name: string, holder: string, ms: number): Lease | undefined;
  renewLease(moment: Moment, name: string, lease: Lease, ms: number): boolean;
  releaseLease(moment: Moment, name: string, lease: Lease): void;
  abandoned(moment: Moment): string[];
  /** Writes down what was used, and removes some of what is over. */
  sweep(moment: Moment): void;
}

/** What the thread that reads is called for. */
export interface ReaderCalls {
  read(moment: Moment, name: string, after: Position, limits: ReadLimits): PackedReadResult;
  info(moment: Moment, name: string): InfoResult;
  list(moment: Moment, prefix: string, after: string, limit: number): string[];
}

export type PackedReadResult =
  | PackedPage
  | { readonly status: "missing" | "gone" }
  | { readonly status: "trimmed"; readonly info: StreamInfo };

/** A page as it crosses: all messages in one piece of memory, which is handed over. */
interface PackedPage {
  readonly status: "page";
  readonly info: StreamInfo;
  readonly from: Position;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
}

export interface Call {
  readonly id: number;
  readonly nowMs: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

/** Calls that were made at once. */
export interface Batch {
  readonly calls: readonly Call[];
  readonly uses: ReadonlyMap<string, Use>;
}

export type Answer = { readonly id: number } & (
  | { readonly value: unknown; readonly failure?: undefined }
  | { readonly failure: Failure }
);

/** What a thread says: that its file is open, or why not; later, answers. */
export type Said =
  | { readonly kind: "opened" }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** `changed`: names of streams that may have changed. */
  | { readonly kind: "answers"; readonly answers: readonly Answer[]; readonly changed: readonly string[] };

/** What a thread is started with. */
export interface ThreadData {
  readonly path: string;
  readonly producerTtlMs: number;
}

/** The last thing that a thread is told. */
export const CLOSE = "close";
