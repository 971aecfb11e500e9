import { assertMs, optionError } from "../http/response-options.ts";
import type { EventLog, Retention } from "../logs/event-log.ts";

export interface StreamsOptions {
  /** Where streams are kept. */
  log: EventLog;
  /**
   * The path that names stand behind.
   * @defaultValue "/v1/stream/"
   */
  prefix?: string;
  /**
   * How long a long poll waits, in ms.
   * @defaultValue 30_000
   */
  longPollTimeoutMs?: number;
  /**
   * How often the log is asked, for those who wait, whether it has called or not, in ms: its calls may be lost. 0: never.
   * @defaultValue 5_000
   */
  pollIntervalMs?: number;
  /**
   * What an append may have, in bytes; more is answered with 413.
   * @defaultValue 8 MiB
   */
  maxMessageBytes?: number;
  /**
   * How much is sent at a time to who catches up, in bytes: a page ends behind the message that reaches it. A message counts as at
   * least 64 bytes. Event streams are read in pages of at most 64 KiB.
   * @defaultValue 1 MiB
   */
  maxPageBytes?: number;
  /**
   * How long a connection of the protocol's `live=sse` lasts, in ms; its reader comes back then. 0: as long as he stays.
   * @defaultValue 60_000
   */
  sseMaxAgeMs?: number;
  /**
   * Silence until a comment keeps the connection of an event stream open, in ms; 0 never.
   * @defaultValue 15_000
   */
  keepAliveMs?: number;
  /**
   * How long a reader may take nothing before his connection is cut, in ms.
   * @defaultValue 60_000
   */
  stallTimeoutMs?: number;
  /**
   * From where browsers may ask (CORS): an origin, `*`, or false for only the server's own.
   * @defaultValue "*"
   */
  cors?: string | false;
  /** What each stream keeps; what is more is trimmed, oldest first, when it is written to. */
  retention?: Retention | undefined;
}

export type ResolvedStreamsOptions = Required<Omit<StreamsOptions, "retention">> & Pick<StreamsOptions, "retention">;

/** @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveStreamsOptions(options: StreamsOptions): ResolvedStreamsOptions {
  const {
    log,
    prefix = "/v1/stream/",
    longPollTimeoutMs = 30_000,
    pollIntervalMs = 5_000,
    maxMessageBytes = 8 * 1024 * 1024,
    maxPageBytes = 1024 * 1024,
    sseMaxAgeMs = 60_000,
    keepAliveMs = 15_000,
    stallTimeoutMs = 60_000,
    cors = "*",
    retention,
  } = options;
  if (typeof log !== "object" || typeof log.append !== "function") throw optionError("log", "an event log", log);
  if (!/^\/(?:.*\/)?$/u.test(prefix)) throw optionError("prefix", "a path that begins and ends with a slash", prefix);
  const times = { longPollTimeoutMs, pollIntervalMs, sseMaxAgeMs, keepAliveMs, stallTimeoutMs };
  for (const [name, value] of Object.entries(times)) assertMs(name, value);
  for (const [name, value] of Object.entries({ maxMessageBytes, maxPageBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) throw optionError(name, "a number of bytes, an integer ≥ 1", value);
  }
  return { log, prefix, maxMessageBytes, maxPageBytes, cors, retention, ...times };
}
