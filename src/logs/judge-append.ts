import type { AppendRequest, AppendResult, Lease, StreamInfo } from "./event-log.ts";

/** What an append has to be held against: a stream as it is. */
export interface AppendState {
  readonly info: StreamInfo;
  /** The greatest `seq` so far. */
  readonly seq: string | undefined;
  /** Of the request's producer. */
  readonly producer: { readonly epoch: number; readonly seq: number } | undefined;
  /** Held now. */
  readonly lease: Lease | undefined;
}

/** @returns why it is not appended; undefined where it is to be */
export function judgeAppend(request: AppendRequest, state: AppendState): AppendResult | undefined {
  const { info } = state;
  const { producer } = request;
  const known = state.producer;
  if (producer && known) {
    if (producer.epoch < known.epoch) return { status: "stale epoch", epoch: known.epoch };
    if (producer.epoch === known.epoch && producer.seq <= known.seq)
      return { status: "duplicate", info, seq: known.seq };
  }
  if (info.closed) {
    // Closing what is closed changes nothing.
    const isRepeated = !producer && request.close === true && request.messages.length === 0;
    return { status: isRepeated ? "appended" : "closed", info };
  }
  const hasType = request.contentType !== undefined && request.messages.length > 0;
  if (hasType && !isSameType(request.contentType, info.config.contentType)) return { status: "other type", info };
  if (producer) {
    const isNewEpoch = known === undefined || producer.epoch > known.epoch;
    if (isNewEpoch && producer.seq !== 0) {
      return known ? { status: "epoch without start" } : { status: "gap", expected: 0 };
    }
    if (!isNewEpoch && producer.seq !== known.seq + 1) return { status: "gap", expected: known.seq + 1 };
  }
  // Byte by byte, as the field's grammar has only ASCII.
  if (request.seq !== undefined && state.seq !== undefined && request.seq <= state.seq) return { status: "seq", info };
  if (request.lease && !isSameLease(request.lease, state.lease)) return { status: "lease lost" };
  return undefined;
}

export function isSameLease(a: Lease, b: Lease | undefined): boolean {
  return a.holder === b?.holder && a.epoch === b.epoch;
}

/** Two media types without regard to case and parameters. */
export function isSameType(a: string | undefined, b: string | undefined): boolean {
  return essenceOf(a) === essenceOf(b);
}

function essenceOf(type: string | undefined): string | undefined {
  return type?.split(";", 1)[0]!.trim().toLowerCase();
}
