import type { CreateRequest, CreateResult, ForkOrigin, Position, StreamConfig, StreamInfo } from "./event-log.ts";
import { isSameType } from "./judge-append.ts";

const DEFAULT_TYPE = "application/octet-stream";

/** A stream that has the name. */
export interface NamedStream {
  readonly info: StreamInfo;
  /** It is kept only for its forks. */
  readonly isGone: boolean;
  readonly origin: { readonly generation: string; readonly at: Position } | undefined;
}

/** What a creation has to be held against. */
export interface CreateState {
  readonly known: NamedStream | undefined;
  /** What the request would fork. */
  readonly origin: NamedStream | undefined;
  /** Where the `count`-th message behind a position of the origin ends; undefined where there are fewer. */
  readonly endBehind: (position: Position, count: number) => Position | undefined;
}

/** It is to be made so. */
export interface Creation {
  readonly status: "create";
  readonly config: StreamConfig;
  /** Of a fork. */
  readonly at: Position | undefined;
}

/** @returns how it is to be made, or why it is not */
export function judgeCreate(request: CreateRequest, state: CreateState): Creation | CreateResult {
  const { config, fork } = request;
  const { known, origin } = state;
  if (known) return known.isGone ? { status: "conflict" } : compare(request, known, state);
  if (!fork) {
    const contentType = config.contentType ?? DEFAULT_TYPE;
    return { status: "create", config: { ...config, contentType }, at: undefined };
  }
  if (!origin) return { status: "no origin" };
  if (origin.isGone) return { status: "origin gone" };
  const { contentType } = config;
  if (contentType !== undefined && !isSameType(contentType, origin.info.config.contentType))
    return { status: "other type" };
  const at = positionOf(fork, origin.info, state.endBehind);
  if (at === undefined) return { status: "beyond origin" };
  return { status: "create", config: inherit(config, origin.info.config), at };
}

/** Whether what there is could have been made by this request. */
function compare(request: CreateRequest, known: NamedStream, state: CreateState): CreateResult {
  const { info } = known;
  const wanted = request.fork ? inherit(request.config, info.config) : request.config;
  const isSame =
    isSameOrigin(request.fork, known, state) &&
    request.closed === info.closed &&
    isSameType(wanted.contentType ?? DEFAULT_TYPE, info.config.contentType) &&
    wanted.ttlSeconds === info.config.ttlSeconds &&
    wanted.expiresAtMs === info.config.expiresAtMs;
  return isSame ? { status: "exists", info } : { status: "conflict" };
}

function isSameOrigin(fork: ForkOrigin | undefined, known: NamedStream, { origin, endBehind }: CreateState): boolean {
  if (!fork || !known.origin) return !fork && !known.origin;
  if (known.origin.generation !== origin?.info.generation) return false;
  const hasPlace = fork.at !== undefined || fork.bytes !== undefined || fork.messages !== undefined;
  // Without a place it was forked at the origin's end of then.
  return !hasPlace || positionOf(fork, origin.info, endBehind) === known.origin.at;
}

/** A fork has its origin's time to live where it has none of its own. */
function inherit(config: Partial<StreamConfig>, origin: StreamConfig): StreamConfig {
  const { contentType = origin.contentType, ttlSeconds, expiresAtMs, isPublic = origin.isPublic } = config;
  const isLimited = ttlSeconds !== undefined || expiresAtMs !== undefined;
  return isLimited
    ? { contentType, ttlSeconds, expiresAtMs, isPublic }
    : { contentType, ttlSeconds: origin.ttlSeconds, expiresAtMs: origin.expiresAtMs, isPublic };
}

/** @returns undefined where the origin has no such place */
function positionOf(
  { at: begin, bytes = 0, messages = 0 }: ForkOrigin,
  { first, next }: StreamInfo,
  endBehind: CreateState["endBehind"],
): Position | undefined {
  const at = begin ?? next;
  if (at > next || at < first) return undefined;
  if (messages > 0) return endBehind(at, messages);
  if (bytes === 0) return at;
  const end = endBehind(at, 1);
  return end === undefined || at + bytes > end ? undefined : at + bytes;
}
